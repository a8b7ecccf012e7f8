package wire

import (
	"fmt"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// The names of counters hold those of interfaces, and come from a probe.
func TestSanitizeMaps(t *testing.T) {
	r := check.Result{Kernel: &facts.Kernel{Counters: map[string]uint64{"dev.\x1b[31meth0.txPackets": 7, "ip.InReceives": 1}}}
	Sanitize(&r)
	if got := r.Kernel.Counters; len(got) != 2 || got[`dev.\u001b[31meth0.txPackets`] != 7 || got["ip.InReceives"] != 1 {
		t.Errorf("%v", got)
	}
	for i := range MaxList + 10 {
		r.Kernel.Counters[fmt.Sprint(i)] = 1
	}
	Sanitize(&r)
	if len(r.Kernel.Counters) != MaxList {
		t.Errorf("%d counters", len(r.Kernel.Counters))
	}
}
