package checks

import (
	"context"
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

const (
	portRange = "net.ipv4.ip_local_port_range"
	// fewPorts is less than any kernel's default (28,232) by far: who has so few has
	// been given them.
	fewPorts = 1024
)

func init() {
	Registry.Add(check.Define(check.Spec[portParams]{
		ID:      "vantage.ports",
		Area:    "vantage",
		Summary: "the vantage point has local ports enough to connect from (ip(7), ip_local_port_range)",
		// Plan is pure, and runs in the plugin: which tasks there are, and what the probe
		// has to know for them. Nothing to ask: no task, and so no row in the report.
		Plan: func(f *facts.Facts) []check.Planned[portParams] {
			return []check.Planned[portParams]{{
				Label:  check.Label{Title: "local ports", Object: f.Vantage.String()},
				Key:    "range",
				Params: portParams{Few: fewPorts},
			}}
		},
		// Run happens in the probe, at the vantage point, within the task's deadline. It
		// asks the kernel, and leaves the judgement to a pure function that a test can call.
		Run: func(_ context.Context, _ check.Task, p portParams) check.Result {
			for _, s := range netsys.SystemSysctls("net/ipv4/ip_local_port_range") {
				return judgePorts(s.Value, p)
			}
			return check.Skipf("", "%s cannot be read", portRange)
		},
	}))
}

// portParams travel from Plan to Run as JSON.
type portParams struct {
	Few int `json:"few"`
}

// judgePorts is pure: what the kernel's two numbers mean.
func judgePorts(value string, p portParams) check.Result {
	var low, high int
	if _, err := fmt.Sscan(value, &low, &high); err != nil {
		return check.Errorf("%s is %q, not two numbers", portRange, value)
	}
	ports := high - low + 1
	r := check.Result{Status: check.Pass, Summary: fmt.Sprintf("%d to %d", low, high)}
	if ports < p.Few {
		r = failed(check.Config, "%d local ports, %d to %d: no more connections than that to one address and port", ports, low, high)
		r.Status = check.Warn // it does no harm to who connects rarely
		r.Meaning = "with all of them in use, or in TIME_WAIT, a new connection fails before a packet is sent"
	}
	r.With(portRange, "%d %d", low, high)
	return r
}
