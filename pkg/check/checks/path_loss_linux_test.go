package checks

import (
	"net"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// A lost SYN is sent again by the kernel a second later, and the connection then comes
// about: only TCP_INFO tells it from a slow one.
func TestPathLoss(t *testing.T) {
	t.Parallel()
	const drop = "tcp flags & (syn | ack) == syn numgen inc mod 3 == 0 drop"
	tests := []struct {
		name string
		port uint16
		rule string
	}{
		{"healthy", 8080, ""},
		{"every third SYN is lost", 8080, drop},
		{"nothing listens, and every third SYN is lost", 8081, drop},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !netnstest.Isolate(t) {
				return
			}
			_, far := newFarNet(t, 1450, 1450)
			far.Do(t, func() {
				listener, err := net.Listen("tcp", "10.244.2.7:8080")
				if err != nil {
					t.Fatal(err)
				}
				// The kernel accepts for it: nobody has to take the connections.
				t.Cleanup(func() { _ = listener.Close() })
				if tt.rule != "" {
					nft(t, "table ip lossy { chain in { type filter hook input priority 0; "+tt.rule+"; }; }")
				}
			})
			f := podFacts("10.244.1.12")
			f.Services = []facts.Service{service("far", listening("10.244.2.7", "far", "w2", tt.port))}
			r := run(t, "path.loss", f)[0]
			repeats := 0
			for _, a := range r.Attempts {
				repeats += a.Repeats
			}
			if tt.rule == "" {
				if r.Status != check.Pass || r.Failure != "" || repeats != 0 || told(r, "repeated") != "" {
					t.Errorf("%s %s %q, %d packets repeated", r.Status, r.Failure, r.Summary, repeats)
				}
				return
			}
			// Whether a connection comes about at the second packet is the filter's luck.
			if r.Status != check.Warn && r.Status != check.Fail || r.Failure != check.Loss {
				t.Errorf("%s %s %q, want a warning or failure of loss", r.Status, r.Failure, r.Summary)
			}
			if repeats < lossAttempts/4 || told(r, "repeated") == "" || len(r.Attempts) != lossAttempts {
				t.Errorf("%d packets of %d connections repeated: %+v", repeats, len(r.Attempts), r.Evidence)
			}
		})
	}
}
