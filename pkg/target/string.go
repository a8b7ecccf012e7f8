package target

import (
	"net"
	"strconv"
	"strings"
)

// String is the canonical form of t, which Parse reads back into the same Target
// (but for Raw): "svc/kube-system/kube-dns:53/udp", "[fd00::1]:53", "pod/web-0".
func (t Target) String() string {
	var name string
	switch t.Kind {
	case URL:
		return t.URL
	case IP:
		name = t.Addr.String()
	case Host:
		name = t.Host
	default:
		name = t.Object()
	}
	port := t.PortName
	if t.Port != 0 {
		port = strconv.Itoa(int(t.Port))
	}
	if port == "" {
		return name
	}
	name = net.JoinHostPort(name, port)
	if t.Protocol != "" {
		name += "/" + strings.ToLower(t.Protocol)
	}
	return name
}

// Object is the object t names, without a port: "svc/shop/api", "node/w1"; "" when
// t is an address, a host or a URL.
func (t Target) Object() string {
	word := t.Word()
	switch {
	case word == "":
		return ""
	case t.Namespace == "":
		return word + "/" + t.Name
	}
	return word + "/" + t.Namespace + "/" + t.Name
}
