package dial

import (
	"context"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// What the kernel sent again must be known of attempts that came about and of those
// that did not: the socket of the latter is closed before anybody can ask it.
func TestRepeats(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	needNFT(t)
	near, far := netnstest.Here(t), netnstest.New(t)
	netnstest.Join(t,
		netnstest.End{NS: near, Name: "eth0", Addrs: []string{"10.9.1.2/24"}},
		netnstest.End{NS: far, Name: "near", Addrs: []string{"10.9.1.1/24"}})
	far.Do(t, func() {
		for _, addr := range []string{"10.9.1.1:80", "10.9.1.1:84"} {
			listener, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = listener.Close() })
		}
		// A counter for each rule: the first SYN to 83 and to 84 is lost, and all to 82.
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(`table ip lossy { chain in { type filter hook input priority 0;
			tcp dport 83 tcp flags & (syn | ack) == syn numgen inc mod 9 == 0 drop;
			tcp dport 84 tcp flags & (syn | ack) == syn numgen inc mod 9 == 0 drop;
			tcp dport 82 drop; }; }`)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("nft: %v\n%s", err, out)
		}
	})
	tests := []struct {
		name, addr string
		want       check.Failure
		repeats    int
	}{
		{"at once", "10.9.1.1:80", "", 0},
		{"refused at once", "10.9.1.1:81", check.Refused, 0},
		// Within 1.5 s there is room for one more packet, not for two (RFC 6298).
		{"never", "10.9.1.1:82", check.Timeout, 1},
		{"at the second packet", "10.9.1.1:84", "", 1},
		{"refused at the second packet", "10.9.1.1:83", check.Refused, 1},
	}
	for _, tt := range tests {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		try := Connect(ctx, Peer{Addr: netip.MustParseAddrPort(tt.addr)})
		cancel()
		if try.Err != nil || try.Failure != tt.want || try.Repeats != tt.repeats || try.Local == "" {
			t.Errorf("%s: %+v, want %q with %d repeated", tt.name, try, tt.want, tt.repeats)
		}
	}
}
