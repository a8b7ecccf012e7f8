package cluster

import (
	"context"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/target"
)

// TestUnlockOfTarget: what unlocks a target names its own namespace, the user, and the
// least rung that reads it.
func TestUnlockOfTarget(t *testing.T) {
	const apply = " --user jane | kubectl apply -f -"
	for _, tt := range []struct{ typed, verb, resource, want string }{
		{"svc/faults/web", "get", "services", "kubectl netlook rbac --for api -n faults" + apply},
		{"pod/faults/web-0", "get", "pods", "kubectl netlook rbac --for api -n faults" + apply},
		{"deploy/faults/web", "get", "deployments", "kubectl netlook rbac --for api -n faults" + apply},
		{"svc/web", "get", "services", "kubectl netlook rbac --for pod -n shop" + apply},
		{"node/w2", "get", "nodes", "kubectl netlook rbac --for pod -n shop" + apply},
	} {
		t.Run(tt.typed, func(t *testing.T) {
			c, clientset := newFake(shop()...)
			forbid(clientset, tt.verb, tt.resource)
			parsed, err := target.Parse(tt.typed)
			if err != nil {
				t.Fatal(err)
			}
			f, err := c.Gather(context.Background(), Request{Pod: pod("shop", "web-0", "w1", "10.244.1.3"), Targets: []target.Target{parsed}})
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Targets) != 1 || !f.Targets[0].Unknown || f.Targets[0].Unlock != tt.want {
				t.Errorf("%+v, want %q", f.Targets, tt.want)
			}
		})
	}
}
