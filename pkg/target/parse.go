package target

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLength is the length, in bytes, of the longest target that Parse reads. The
// longest sensible one, a URL aside, is a host name with a port: 263.
const MaxLength = 512

// Parse reads a target as a user types it:
//
//	KIND/NAME[:PORT[/tcp|udp]]             pod/web-0, svc/api:80, deploy/web:http
//	KIND/NAMESPACE/NAME[:PORT[/tcp|udp]]   svc/kube-system/kube-dns:53/udp
//	ADDRESS[:PORT[/tcp|udp]]               10.0.0.1, fd00::1, [fd00::1]:53/udp
//	HOST[:PORT[/tcp|udp]]                  example.com, web.shop:80, localhost
//	http://... and https://...
//
// Kinds are pod, svc, node, deployment, statefulset, daemonset, replicaset and job,
// with kubectl's short names and plurals. An error is one line that says what is
// wrong and shows what would be right; it never repeats a password.
func Parse(raw string) (Target, error) {
	t, err := parse(raw)
	if err != nil {
		return Target{}, fmt.Errorf("target %s: %w", quote(raw), err)
	}
	t.Raw = raw
	return t, nil
}

func parse(raw string) (Target, error) {
	if err := checkText(raw); err != nil {
		return Target{}, err
	}
	if strings.Contains(raw, "://") {
		return parseURL(raw)
	}
	head, rest, slash := strings.Cut(raw, "/")
	if kind, known := findKind(head); known {
		if !slash {
			return Target{}, fmt.Errorf("a name is missing: %s/NAME", kind.word)
		}
		return parseObject(kind, rest)
	}
	// A colon or a dot before the first slash never belongs to a kind: it is an
	// address or a host, and the slash starts a protocol.
	if slash && !strings.ContainsAny(head, ":.") {
		return Target{}, unknownKind(head, rest)
	}
	return parseNetwork(raw)
}

// checkText refuses what cannot be a target of any form, before anything else looks
// at it.
func checkText(raw string) error {
	switch {
	case raw == "":
		return fmt.Errorf("nothing given; try pod/NAME, svc/NAME:PORT, an address or a URL")
	case len(raw) > MaxLength:
		return fmt.Errorf("%d characters are too long, at most %d are read", len(raw), MaxLength)
	case !utf8.ValidString(raw):
		return fmt.Errorf("not valid UTF-8")
	}
	for _, r := range raw {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return fmt.Errorf("contains a space or a control character (%U): svc/api:80", r)
		}
	}
	return nil
}

func unknownKind(head, rest string) error {
	if near := nearestKind(head); near != "" {
		return fmt.Errorf("unknown kind %s: did you mean %s/%s? (kinds are %s)", quote(head), near, clip(rest), kindWords())
	}
	return fmt.Errorf("unknown kind %s: kinds are %s; a host needs a dot or a port, as in web.example:80",
		quote(head), kindWords())
}

// parseObject reads what follows KIND/.
func parseObject(kind objectKind, rest string) (Target, error) {
	t := Target{Kind: kind.kind, Resource: kind.resource}
	path, port, hasPort := strings.Cut(rest, ":")
	parts := strings.Split(path, "/")
	switch {
	case kind.clusterScoped && len(parts) > 1:
		return Target{}, fmt.Errorf("a %s has no namespace: %s/NAME", kind.word, kind.word)
	case len(parts) > 2:
		return Target{}, fmt.Errorf("too many slashes: %s/NAME, or %s/NAMESPACE/NAME", kind.word, kind.word)
	case len(parts) == 2:
		if !validLabel(parts[0]) {
			return Target{}, fmt.Errorf("%s is no name of a namespace (lower case letters, digits and '-', up to 63): %s/shop/web", quote(parts[0]), kind.word)
		}
		t.Namespace = parts[0]
	}
	t.Name = parts[len(parts)-1]
	if err := kind.checkName(t.Name); err != nil {
		return Target{}, err
	}
	if hasPort {
		return t, t.setPort(port)
	}
	return t, nil
}

func (k objectKind) checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a name is missing: %s/NAME", k.word)
	case k.label && strings.Contains(name, ".") && validSubdomain(name):
		object, namespace, _ := strings.Cut(name, ".")
		namespace, _, _ = strings.Cut(namespace, ".")
		return fmt.Errorf("a service's name has no dots: %s/NAMESPACE/NAME, here %s/%s/%s?", k.word, k.word, namespace, object)
	case k.label && !validLabel(name):
		return fmt.Errorf("%s is no name of a service (lower case letters, digits and '-', up to 63): svc/web", quote(name))
	case !validSubdomain(name):
		return fmt.Errorf("%s is no name of a %s (lower case letters, digits, '-' and '.', up to 253): %s/web-0", quote(name), k.word, k.word)
	}
	return nil
}
