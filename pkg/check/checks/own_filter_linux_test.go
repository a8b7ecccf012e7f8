package checks

import (
	"net/netip"
	"os/exec"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// TestBlameOwnFilter: in a network namespace whose output hook drops one address.
func TestBlameOwnFilter(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	netnstest.New(t).Do(t, func() {
		for _, argv := range [][]string{
			{"nft", "table inet t { chain o { type filter hook output priority 0; ip daddr 127.0.0.2 drop; }; }"},
		} {
			if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %v: %s", argv, err, out)
			}
		}
		for _, tc := range []struct {
			name  string
			at    string
			tries []check.Failure
			want  check.Failure
		}{
			{"dropped on its way out", "127.0.0.2:80", []check.Failure{check.Timeout, check.Timeout}, check.Denied},
			{"lost elsewhere", "127.0.0.3:80", []check.Failure{check.Timeout, check.Timeout}, check.Timeout},
			{"one was answered", "127.0.0.2:80", []check.Failure{check.Timeout, check.Refused}, check.Timeout},
		} {
			var tries []dial.Try
			for _, failure := range tc.tries {
				tries = append(tries, dial.Try{Attempt: check.Attempt{Failure: failure}})
			}
			blameOwnFilter(netip.MustParseAddrPort(tc.at), tries)
			if tries[0].Failure != tc.want {
				t.Errorf("%s: %s, want %s", tc.name, tries[0].Failure, tc.want)
			}
		}
	})
}
