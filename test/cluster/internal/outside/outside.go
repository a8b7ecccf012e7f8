// Package outside is the world beyond the cluster: a name server and a web server
// that live behind the nodes' default gateway, so that egress, DNS forwarding and
// external names can be tested without the internet. It is pure, and imports
// topology only.
package outside

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// Zones are the names that resolve to the outside world's address, with everything
// below them. All other names do not exist - at once, so that nothing waits for an
// answer that cannot come, such as the pull of an unknown image.
func Zones() []string { return []string{"outside.test", "kubernetes.io", "example.com"} }

// Corefile configures the name server.
func Corefile(dual bool) string {
	const soa = `{{ .Zone }} 60 IN SOA ns.outside.test. hostmaster.outside.test. 1 3600 600 86400 60`
	ipv6 := "    rcode NOERROR\n    authority \"" + soa + "\"\n" // the name exists, but not in IPv6
	if dual {
		ipv6 = "    answer \"{{ .Name }} 60 IN AAAA " + topology.OutsideIP6 + "\"\n"
	}
	return fmt.Sprintf(`%s {
  errors
  template IN A {
    answer "{{ .Name }} 60 IN A %s"
  }
  template IN AAAA {
%s  }
  template IN ANY {
    rcode NOERROR
    authority "%s"
  }
}
. {
  errors
  template IN ANY {
    rcode NXDOMAIN
    authority ". 60 IN SOA ns.outside.test. hostmaster.outside.test. 1 3600 600 86400 60"
  }
}
`, strings.Join(Zones(), " "), topology.OutsideIP, ipv6, soa)
}

// DNS is the command line of the name server.
func DNS(corefile string) []string { return []string{"coredns", "-conf", corefile} }

// Web is the command line of the web server.
func Web() []string { return []string{"app", "--http", ":80", "--https", ":443"} }
