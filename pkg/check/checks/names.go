package checks

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// How objects are written in labels: "pod/shop/web-0", "service/shop/web", "node/w1".
func podObject(r facts.Ref) string     { return "pod/" + r.String() }
func serviceObject(r facts.Ref) string { return "service/" + r.String() }
func nodeObject(name string) string    { return "node/" + name }

// nameFrom is how an object of a namespace is called in a title: by its bare name
// where it shares the vantage pod's namespace, else with its own.
func nameFrom(f *facts.Facts, r facts.Ref) string {
	home := "default"
	if f.Vantage.Pod != nil {
		home = f.Vantage.Pod.Namespace
	}
	if r.Namespace == home {
		return r.Name
	}
	return r.String()
}

// portTitle is ":80", or ":53/udp" for what is not TCP.
func portTitle(p facts.Protocol, port uint16) string {
	title := ":" + strconv.Itoa(int(port))
	if p != facts.TCP {
		title += "/" + strings.ToLower(string(p))
	}
	return title
}

// portTarget is the address with its port, and the protocol when it is not TCP.
func portTarget(p facts.Protocol, addr netip.AddrPort) string {
	if p == facts.TCP {
		return addr.String()
	}
	return addr.String() + " " + strings.ToLower(string(p))
}

// serverTarget is a server's address, without the port when that is the usual one.
func serverTarget(addr netip.AddrPort, usual uint16) string {
	if addr.Port() == usual {
		return addr.Addr().String()
	}
	return addr.String()
}

func hostPort(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// notesOn finds what the facts say about why something could not be read: the notes
// that begin with one of the words; otherwise what is given.
func notesOn(f *facts.Facts, otherwise string, words ...string) string {
	for _, note := range f.Notes {
		for _, word := range words {
			if strings.HasPrefix(note, word) {
				return note
			}
		}
	}
	return otherwise
}
