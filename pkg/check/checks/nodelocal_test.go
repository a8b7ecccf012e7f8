package checks

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestNodeLocal(t *testing.T) {
	for addr, want := range map[string]bool{"169.254.20.10": true, "169.254.169.254": false, "169.254.169.253": false, "10.96.0.10": false} {
		if got := nodeLocal(ip(addr)) != ""; got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	r := judgeResolvConf(&facts.ResolvConf{Nameservers: []string{"169.254.20.10"}, Ndots: 5})
	if r.Status != check.Pass || r.Summary != "nameserver 169.254.20.10 (NodeLocal DNSCache, on the node itself), ndots 5" {
		t.Errorf("%s %q", r.Status, r.Summary)
	}
}
