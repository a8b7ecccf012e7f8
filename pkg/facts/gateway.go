package facts

// GatewayRoute is what a route of the Gateway API says of one port of a service: which hosts
// and paths it leads there, and from which Gateways.
type GatewayRoute struct {
	Kind            string // HTTPRoute, GRPCRoute, TLSRoute, TCPRoute
	Namespace, Name string
	Hosts           []string // none is any
	Path            string   // of the first rule that leads there, "" when there is none to ask for
	Port            uint16   // of the service, 0 when the route names none
	// Foreign says that the route is in another namespace than the service. Granted says
	// that a ReferenceGrant lets it refer there; GrantsUnread why that is not known.
	Foreign, Granted bool
	GrantsUnread     string
	Parents          []RouteParent
}

// RouteParent is a Gateway that a route wants to be attached to, with what the Gateway's
// controller says of that.
type RouteParent struct {
	Gateway Ref
	Section string // the name of a listener, "" for all
	Port    uint16 // of a listener, 0 for all
	// Taken says that some controller has written a status for this parent.
	Taken                  bool
	Accepted, ResolvedRefs Condition
}

// Condition is a condition of an object's status. Its zero value is one that is not there,
// or that is of an older version of the object.
type Condition struct {
	Status          string // True, False, Unknown
	Reason, Message string
}

// False reports whether the condition says no.
func (c Condition) False() bool { return c.Status == "False" }

// Gateway is one that a route to a service names.
type Gateway struct {
	Namespace, Name string
	// Missing says that there is none, Unread why nothing is known of it.
	Missing bool
	Unread  string
	Class   string
	// ClassMissing says that there is no such GatewayClass, ClassUnread why it is not known.
	ClassMissing         bool
	ClassUnread          string
	ClassAccepted        Condition
	Accepted, Programmed Condition
	Addresses            []string
	Listeners            []Listener
}

// Ref names the Gateway.
func (g Gateway) Ref() Ref { return Ref{g.Namespace, g.Name} }

// Listener is a port of a Gateway.
type Listener struct {
	Name     string
	Host     string // "" is any
	Port     uint16
	Protocol string // HTTP, HTTPS, TLS, TCP, UDP, or a controller's own
	// From says the routes of which namespaces it takes: Same, All, Selector, None.
	From string
	// Kinds are those of the routes that it takes, none for what its protocol suggests.
	Kinds []string
}
