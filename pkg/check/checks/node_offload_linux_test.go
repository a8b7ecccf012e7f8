package checks

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// A real VXLAN device over a real link: both are told, and neither is a failure.
func TestNodeOffload(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	newFlannelHost(t)
	r := run(t, "node.offload", flannelCluster())[0]
	if r.Status != check.Pass || r.Summary != "tx checksumming is on at flannel.1" || r.Kernel == nil || len(r.Kernel.Links) != 2 {
		t.Fatalf("%s %q %+v", r.Status, r.Summary, r.Kernel)
	}
	for _, l := range r.Kernel.Links {
		if l.Offload == nil || !l.Offload.TxChecksum {
			t.Errorf("%s: %+v", l.Name, l.Offload)
		}
	}
}
