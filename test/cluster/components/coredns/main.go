// Command coredns is CoreDNS with just the plugins that the test cluster needs:
// the cluster's own DNS and the DNS server of the outside world. The full binary
// links every cloud's client library and takes many times longer to build.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	_ "github.com/coredns/coredns/plugin/template"
)

func main() {
	// The order in which plugins see a query, as in CoreDNS's own plugin.cfg.
	// CoreDNS generates this list for its full set; without it nothing is known.
	dnsserver.Directives = []string{
		"reload", "ready", "health", "errors", "log", "cache",
		"template", "hosts", "kubernetes", "loop", "forward",
	}
	coremain.Run()
}
