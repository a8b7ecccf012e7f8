package facts

import "time"

// IngressRule is a rule of an Ingress, or its default backend (host "*").
type IngressRule struct {
	Ingress, Host, Path string
	Port                uint16 // 0 when it goes by name
	PortName            string
	Class               string // "" for the cluster's default
	// ClassKnown says that the classes of the cluster could be read, ClassExists that
	// this one, or a default one, is among them.
	ClassKnown, ClassExists bool
	// Addresses are the addresses or names that the Ingress was given: whoever serves it
	// answers there.
	Addresses []string
	// Pattern says that Path is no path to be asked for, but for the controller to match.
	Pattern bool
	// TLS is what the Ingress says of encryption for the host, nil when it says nothing.
	TLS *IngressTLS
}

// IngressTLS is the certificate that an Ingress names for a host. The private key is
// looked at where the secret is read, and never kept.
type IngressTLS struct {
	// Secret is its name; "" leaves the certificate to the controller.
	Secret string
	// Unasked says that the secret was not looked at: the service is not the question.
	Unasked bool
	// Unread says why the secret's content is not known, "" when it is. Forbidden says
	// that it is for want of a right.
	Unread    string
	Forbidden bool
	// Missing says that there is no such secret; Broken why what it holds is of no use.
	Missing bool
	Broken  string
	// Names are the first of those that the certificate is for; Covers says that the
	// rule's host is one of all of them.
	Names               []string
	Covers              bool
	NotBefore, NotAfter time.Time
}
