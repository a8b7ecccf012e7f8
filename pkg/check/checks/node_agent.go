package checks

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[agentParams]{
		ID:      "node.agent",
		Area:    "node",
		Summary: "the network plugin's agent answers on its health port, where the plugin is known to have one",
		Plan: func(f *facts.Facts) []check.Planned[agentParams] {
			p, ok := nodeFacts(f)
			plugin := facts.PluginNamed(f.Network.Plugin)
			if !ok || plugin == nil || plugin.Health == "" {
				return nil
			}
			task := nodeTask("network agent", p)
			return []check.Planned[agentParams]{{Label: task.Label, Params: agentParams{Plugin: plugin.Name, Port: plugin.HealthPort, Path: plugin.Health}}}
		},
		Run: func(ctx context.Context, _ check.Task, p agentParams) check.Result {
			try, answer := getLocal(ctx, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), p.Port), p.Path)
			return p.judge(try.Failure, answer)
		},
	}))
}

// agentParams say where the agent of which plugin is asked.
type agentParams struct {
	Plugin string `json:"plugin"`
	Port   uint16 `json:"port"`
	Path   string `json:"path"`
}

// judge is pure. That nothing listens there may also be another setting: a warning.
func (p agentParams) judge(failure check.Failure, answer *dial.Answer) check.Result {
	const stale = "pods, services and policies on this node stay as they were: new pods get no network, and dead endpoints stay"
	name := dial.Clean(p.Plugin, 40)
	switch {
	case answer != nil && answer.Status < http.StatusBadRequest:
		return check.Result{Status: check.Pass, Summary: name + "'s agent is healthy"}
	case answer != nil:
		r := failed(check.NotReady, "%s's agent says that it is not healthy: %s", name, answer.Text)
		r.Meaning = stale
		return r
	case failure == check.Refused:
		r := check.Result{Status: check.Warn, Failure: check.Refused, Meaning: stale + " (unless the agent was set to another port)"}
		r.Summary = name + "'s agent does not run, or shows its health elsewhere"
		r.With("health", "refused on port %d of localhost", p.Port)
		return r
	}
	r := failed(check.NotReady, "%s's agent takes connections on port %d and does not answer: it hangs", name, p.Port)
	r.Meaning = stale
	return r
}
