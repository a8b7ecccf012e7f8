package checks

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func TestJudgeSockets(t *testing.T) {
	use := func(to string, used, waiting, held int) netsys.Usage {
		return netsys.Usage{States: map[string]int{"time-wait": waiting, "established": used - waiting}, Busiest: netip.MustParseAddrPort(to), From: netip.MustParseAddr("10.1.0.9"), Used: used, Waiting: waiting, Held: held}
	}
	const db = "10.2.0.5:5432"
	for _, tt := range []struct {
		name, ports, reserved, reuse string
		use                          netsys.Usage
		want                         check.Status
	}{
		{"none in use", "40000\t40099", "", "2", netsys.Usage{}, check.Pass},
		{"half", "40000 40099", "", "2", use(db, 50, 50, 0), check.Pass},
		{"nearly all", "40000 40099", "", "2", use(db, 90, 90, 0), check.Warn},
		{"one less than nearly all", "40000 40099", "", "2", use(db, 89, 89, 0), check.Pass},
		{"all", "40000 40099", "", "2", use(db, 100, 100, 0), check.Fail},
		{"all, none in TIME_WAIT", "40000 40099", "", "1", use(db, 100, 0, 0), check.Fail},
		{"all that are not reserved", "40000 40099", "40000-40009,39999,40050", "2", use(db, 89, 0, 0), check.Fail},
		{"all that nobody listens on", "40000 40099", "", "2", use(db, 98, 98, 2), check.Fail},
		{"those in TIME_WAIT are used again", "40000 40099", "", "1", use(db, 100, 99, 0), check.Pass},
		{"on the loopback interface too", "40000 40099", "", "2", use("127.0.0.1:80", 100, 100, 0), check.Pass},
		{"but not by 0", "40000 40099", "", "0", use("127.0.0.1:80", 100, 100, 0), check.Fail},
		{"no range", "many", "", "2", use(db, 1, 1, 0), check.Error},
	} {
		r := judgeSockets(map[string]string{sysctlPorts: tt.ports, sysctlReserved: tt.reserved, sysctlReuse: tt.reuse}, tt.use)
		if r.Status != tt.want || r.Summary == "" {
			t.Errorf("%s: %s %q, want %s", tt.name, r.Status, r.Summary, tt.want)
		}
		if bad := r.Status == check.Fail || r.Status == check.Warn; bad && (r.Failure != check.NoPort || !strings.Contains(r.Summary, tt.use.Busiest.String())) {
			t.Errorf("%s: %s %q", tt.name, r.Failure, r.Summary)
		}
	}
}

func TestReservedIn(t *testing.T) {
	for list, want := range map[string]int{"": 0, "99": 0, "100": 1, "100-109": 10, "90-100,105,109-200": 3, "x,1-y,105": 1, "50-20": 0} {
		if got := reservedIn(list, 100, 109); got != want {
			t.Errorf("%q: %d, want %d", list, got, want)
		}
	}
}

// TestSocketsPlanned: what Plan makes, Run can read.
func TestSocketsPlanned(t *testing.T) {
	c, _ := Registry.Get("vantage.sockets")
	tasks := c.Plan(shopFacts())
	if len(tasks) != 1 {
		t.Fatalf("%d tasks, want one", len(tasks))
	}
	if r := c.Run(t.Context(), tasks[0]); r.Status == check.Unknown || r.Status == check.Error {
		t.Errorf("%s %q", r.Status, r.Summary)
	}
}
