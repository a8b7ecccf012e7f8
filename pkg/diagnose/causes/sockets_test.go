package causes

import (
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// queueFull adds what the check pod.backlog says of a pod: the queues that are full.
func (w *world) queueFull(object string, at ...string) *world {
	w.add("pod.backlog", "target", name(object), object, "", 0)
	r := &w.results[len(w.results)-1]
	r.Vantage = object
	if len(at) > 0 {
		r.Status, r.Failure, r.Kernel = check.Warn, check.QueueFull, &facts.Kernel{}
	}
	for _, text := range at {
		r.Kernel.FullQueues = append(r.Kernel.FullQueues, facts.ListenQueue{At: text, Waiting: 129, Limit: 128})
	}
	return w
}

func TestBacklog(t *testing.T) {
	dead := func() *world { return newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3:8080") }
	for _, tt := range []struct {
		name  string
		world *world
		want  []string
		sure  bool // of a victim's port
	}{
		{"full", dead().queueFull("pod/shop/web-2", "[::]:8080"), []string{"NL-APP-BACKLOG"}, true},
		{"full at its own address", dead().queueFull("pod/shop/web-2", "10.2.0.3:8080"), []string{"NL-APP-BACKLOG"}, true},
		{"some were still taken into the queue", newWorld().fail(check.Silent, -1, "service.endpoint 10.2.0.3:8080").queueFull("pod/shop/web-2", "0.0.0.0:8080"), []string{"NL-APP-BACKLOG"}, true},
		{"some were opened by half", newWorld().fail(check.Undelivered, -1, "service.endpoint 10.2.0.3:8080").queueFull("pod/shop/web-2", "0.0.0.0:8080"), []string{"NL-APP-BACKLOG"}, true},
		{"another port's queue", dead().queueFull("pod/shop/web-2", "[::]:9090"), []string{"NL-APP-BACKLOG", "NL-SVC-ENDPOINT-DOWN"}, false},
		{"at another address", dead().queueFull("pod/shop/web-2", "127.0.0.1:8080"), []string{"NL-APP-BACKLOG", "NL-SVC-ENDPOINT-DOWN"}, false},
		{"none is full", dead().queueFull("pod/shop/web-2"), []string{"NL-SVC-ENDPOINT-DOWN"}, false},
		{"nobody looked", dead(), []string{"NL-SVC-ENDPOINT-DOWN"}, false},
		{"the vantage pod's own", newWorld().queueFull(client, "[::]:8080"), []string{"NL-APP-BACKLOG"}, false},
		{"all is well", newWorld().queueFull(client), nil, false},
	} {
		v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
		if got := codes(v.Causes); !slices.Equal(got, tt.want) || len(v.Unexplained)+len(v.Candidates) > 0 {
			t.Errorf("%s: causes %q, unexplained %q", tt.name, got, v.Unexplained)
		}
		if len(tt.want) > 0 && tt.want[0] == "NL-APP-BACKLOG" && ((v.Causes[0].Confidence == diagnose.Certain) != tt.sure || len(v.Causes[0].Where) == 0) {
			t.Errorf("%s: %+v", tt.name, v.Causes[0])
		}
	}
}

// listening is what a probe in a pod sees listened on.
func (w *world) listening(pod string, listeners ...string) *world {
	w.results = append(w.results, check.Result{TaskID: "pod.listeners witness", Check: "pod.listeners", Vantage: pod, Status: check.Pass, Summary: "listens",
		Label: check.Label{Area: "target", Title: "listeners", Object: pod}, Kernel: &facts.Kernel{Listeners: listeners}})
	return w
}

// TestBacklogOfANode: on a node's network a full queue is said of a pod only where
// connections to that pod wait for it.
func TestBacklogOfANode(t *testing.T) {
	for _, tt := range []struct {
		name       string
		world      *world
		confidence diagnose.Confidence
		says       string
	}{
		{"the port that fails", newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3:8080").queueFull("pod/shop/web-2", "[::]:8080"), diagnose.Certain, "in pod/shop/web-2 is full"},
		{"some process's", newWorld().queueFull("pod/shop/web-2", "[::]:9090"), diagnose.Likely, "some process there"},
	} {
		tt.world.results[len(tt.world.results)-1].Status = check.Warn
		if tt.confidence == diagnose.Likely {
			tt.world.facts.Services[0].Endpoints[2].Addr = addr("192.168.0.2") // the pod has no network of its own
		}
		v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
		if len(v.Causes) != 1 || v.Causes[0].Confidence != tt.confidence || !strings.Contains(v.Causes[0].Headline, tt.says) ||
			strings.Contains(strings.Join(v.Causes[0].Try, "\n"), "delete") != (tt.confidence == diagnose.Certain) {
			t.Errorf("%s: %+v", tt.name, v.Causes)
		}
	}
}

// TestRoomInside: of a port that never answers the listen queue is no suspect once it was
// seen to have room.
func TestRoomInside(t *testing.T) {
	for _, tt := range []struct {
		name    string
		world   *world
		suspect bool
	}{
		{"nobody looked", newWorld(), true},
		{"another pod's has room", newWorld().queueFull("pod/shop/web-1"), true},
		{"it has room", newWorld().queueFull("pod/shop/web-2").listening("pod/shop/web-2", "[::]:8080"), false},
		{"others of it have room", newWorld().queueFull("pod/shop/web-2").listening("pod/shop/web-2", "[::]:9090", "127.0.0.1:8080"), true},
	} {
		tt.world.fail(check.Timeout, -1, "service.endpoint 10.2.0.3:8080")
		v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
		if len(v.Causes) != 1 || strings.Contains(v.Causes[0].Likely, "listen queue") != tt.suspect || strings.Contains(strings.Join(v.Causes[0].Evidence, "\n"), "from inside") == tt.suspect {
			t.Errorf("%s: %+v", tt.name, v.Causes)
		}
	}
}

// sockets adds what the check vantage.sockets says.
func (w *world) sockets(status check.Status, failure check.Failure, portRange string) *world {
	w.add("vantage.sockets", "vantage", "", client, "", 0)
	r := &w.results[len(w.results)-1]
	r.Status, r.Failure = status, failure
	r.With("net.ipv4.ip_local_port_range", "%s", portRange)
	return w
}

func TestNoLocalPort(t *testing.T) {
	const usual = "32768 60999"
	for _, tt := range []struct {
		name       string
		world      *world
		cause      string
		confidence diagnose.Confidence
		likely     string
	}{
		{"towards a service", newWorld().fail(check.NoPort, -1, "service.vip").sockets(check.Fail, check.NoPort, usual), "NL-POD-NO-LOCAL-PORT", diagnose.Certain, "for each request"},
		{"now and then", newWorld().fail(check.NoPort, 1, "service.vip").sockets(check.Pass, "", usual), "NL-POD-NO-LOCAL-PORT", diagnose.Certain, "for each request"},
		{"towards everybody", newWorld().fail(check.NoPort, -1, "service.", "dns.", "api.", "external.").sockets(check.Fail, check.NoPort, "40000 40001"), "NL-POD-NO-LOCAL-PORT", diagnose.Certain, "narrowed to 2 ports"},
		{"towards somebody else only", newWorld().sockets(check.Fail, check.NoPort, usual), "NL-POD-NO-LOCAL-PORT", diagnose.Certain, "for each request"},
		{"nearly", newWorld().sockets(check.Warn, check.NoPort, usual), "NL-POD-NO-LOCAL-PORT", diagnose.Likely, "for each request"},
		{"the sockets cannot be read", newWorld().fail(check.NoPort, -1, "service.vip").sockets(check.Skipped, "", usual), "NL-POD-NO-LOCAL-PORT", diagnose.Certain, "for each request"},
		{"enough", newWorld().sockets(check.Pass, "", usual), "", 0, ""},
		{"a small range, and enough", newWorld().sockets(check.Pass, "", "40000 40001"), "", 0, ""},
		{"the nearest other: no answer", newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3:8080").sockets(check.Pass, "", usual), "NL-SVC-ENDPOINT-DOWN", diagnose.Likely, ""},
	} {
		v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
		got := diagnose.Finding{}
		if len(v.Causes) > 0 {
			got = v.Causes[0]
		}
		if got.Code != tt.cause || len(v.Causes) > 1 || len(v.Unexplained)+len(v.Candidates) > 0 || got.Confidence != tt.confidence || !strings.Contains(got.Likely, tt.likely) {
			t.Errorf("%s: causes %q (%s, %s), candidates %q, unexplained %q", tt.name, codes(v.Causes), got.Confidence, got.Likely, codes(v.Candidates), v.Unexplained)
		}
	}
}
