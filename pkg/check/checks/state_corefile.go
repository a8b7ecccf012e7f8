package checks

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "state.corefile",
		Area:    "dns",
		Summary: "CoreDNS's Corefile serves the cluster's names, forwards the others to somebody else than itself, and caches (read by the dns command)",
		Read: func(f *facts.Facts) []check.Result {
			if f.DNS.Corefile == "" {
				return nil
			}
			r := judgeCorefile(f)
			r.Label = check.Label{Title: "Corefile", Target: "kube-system/coredns", Object: "configmap/kube-system/coredns"}
			if f.DNS.Service != nil {
				r.Subject = serviceObject(f.DNS.Service.Ref())
			}
			return []check.Result{r}
		},
	}))
}

// corefileBlock is a server block: its zones, and the lines of its plugins.
type corefileBlock struct {
	zones   []string
	plugins [][]string
}

// parseCorefile reads the blocks of a Corefile (https://coredns.io/2017/07/23/corefile-explained/).
// What stands in a plugin's own braces is passed over, but for the plugin's line.
func parseCorefile(text string) []corefileBlock {
	var blocks []corefileBlock
	depth := 0
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		opens, closes := strings.Count(line, "{"), strings.Count(line, "}")
		words := slices.DeleteFunc(fields, func(w string) bool { return w == "{" || w == "}" })
		switch {
		case depth == 0 && opens > 0:
			blocks = append(blocks, corefileBlock{zones: words})
		case depth == 1 && len(words) > 0 && len(blocks) > 0:
			last := &blocks[len(blocks)-1]
			last.plugins = append(last.plugins, words)
		}
		depth = max(0, depth+opens-closes)
	}
	return blocks
}

func (b corefileBlock) plugin(name string) ([]string, bool) {
	for _, p := range b.plugins {
		if p[0] == name {
			return p[1:], true
		}
	}
	return nil, false
}

// root reports whether the block answers for all names.
func (b corefileBlock) root() bool {
	return slices.ContainsFunc(b.zones, func(z string) bool {
		z = strings.TrimPrefix(z, "dns://")
		return z == "." || strings.HasPrefix(z, ".:")
	})
}

func judgeCorefile(f *facts.Facts) check.Result {
	blocks := parseCorefile(f.DNS.Corefile)
	var wrong, doubtful []string
	serves, root, forwards := false, false, false
	for _, b := range blocks {
		_, kubernetes := b.plugin("kubernetes")
		_, more := b.plugin("import") // of files that are not seen here
		serves = serves || kubernetes || more
		to, found := b.plugin("forward")
		if !found {
			to, found = b.plugin("proxy") // CoreDNS before 1.5
		}
		for _, upstream := range to[min(len(to), 1):] {
			if ownServer(f, upstream, listensOn(blocks)) {
				wrong = append(wrong, fmt.Sprintf("forwards to itself (%s): a loop", upstream))
			}
		}
		if b.root() {
			root, forwards = true, forwards || found || more
			if _, caches := b.plugin("cache"); !caches && !more {
				doubtful = append(doubtful, "has no cache: every query of every pod goes upstream or to the API's copy anew")
			}
		}
	}
	if !serves {
		wrong = append(wrong, "has no kubernetes plugin: names of services do not resolve")
	}
	if root && !forwards {
		doubtful = append(doubtful, "has no forward: names outside the cluster do not resolve")
	}
	switch {
	case len(blocks) == 0:
		return check.Skipf("", "the Corefile has no server block that could be read")
	case len(wrong) > 0:
		return failed(check.Config, "%s", strings.Join(append(wrong, doubtful...), "; "))
	case len(doubtful) > 0:
		return check.Result{Status: check.Warn, Failure: check.Config, Summary: strings.Join(doubtful, "; ")}
	}
	r := check.Result{Status: check.Pass, Summary: check.Count(len(blocks), "server block") + ", in order"}
	if list := stubs(upstreamsOf(blocks)); len(list) > 0 {
		r.Summary += "; stub domains: " + fewOf(list)
	}
	return r
}

// listensOn are the ports of all blocks: 53 where a zone names none.
func listensOn(blocks []corefileBlock) []string {
	var ports []string
	for _, b := range blocks {
		for _, zone := range b.zones {
			zone = strings.TrimSuffix(strings.TrimPrefix(zone, "dns://"), ",")
			_, port, found := strings.Cut(zone, ":")
			if !found {
				port = "53"
			}
			ports = append(ports, port)
		}
	}
	return ports
}

// ownServer reports whether an upstream is the DNS service itself: by a ClusterIP, an
// endpoint, or an address of the pod's own at a port that CoreDNS listens on.
func ownServer(f *facts.Facts, upstream string, ports []string) bool {
	upstream = strings.TrimPrefix(strings.TrimPrefix(upstream, "dns://"), "tls://")
	addr, err := netip.ParseAddr(upstream)
	port := uint16(dnsPort)
	if err != nil {
		at, portErr := netip.ParseAddrPort(upstream)
		if portErr != nil {
			return false
		}
		addr, port = at.Addr(), at.Port()
	}
	addr = addr.Unmap()
	if addr.IsLoopback() {
		return slices.Contains(ports, strconv.Itoa(int(port)))
	}
	if port != dnsPort {
		return false
	}
	s := f.DNS.Service
	return s != nil && (slices.Contains(s.ClusterIPs, addr) || slices.ContainsFunc(s.Endpoints, func(e facts.Endpoint) bool { return e.Addr.Unmap() == addr }))
}
