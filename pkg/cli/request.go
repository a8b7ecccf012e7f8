package cli

import (
	"time"

	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
)

// profile is the privilege that the probe is placed with, and that the report tells.
func (d *diagnosis) profile() string {
	if d.vantage.kind == facts.VantageNode && d.flags.Deep != deepOff {
		return inject.NetAdmin // connection tracking and packet filters are read with it
	}
	return d.flags.Profile
}

// request is what is to be read of the API.
func (d *diagnosis) request() cluster.Request {
	r := cluster.Request{
		Pod: d.vantage.pod, Node: d.vantage.node,
		Targets: d.targets, External: d.external, ExternalDefault: d.externalDefault,
		Attempts: d.flags.Attempts, Timeout: d.flags.Timeout, Profile: d.profile(),
		Names: d.names, Secrets: d.service != nil,
	}
	if d.service != nil {
		r.Walk = facts.Ref{Namespace: d.service.Namespace, Name: d.service.Name}
	}
	return r
}

// probeOptions are those of the probe at the vantage point.
func (d *diagnosis) probeOptions() inject.Options {
	keepAlive := d.flags.KeepAlive
	if d.vantage.kind == facts.VantageNode && d.flags.Deep != deepOff {
		keepAlive = max(keepAlive, time.Minute) // it is asked again, and deleted when the run ends
	}
	lifetime := d.flags.Deadline + keepAlive + time.Minute
	if d.vantage.kind == facts.VantagePod {
		// A probe in a pod is there for the runs to come as well, and is found again
		// by its settings: a short life would add a container every few minutes.
		lifetime = max(lifetime, inject.DefaultLifetime)
	}
	return inject.Options{
		Image: d.flags.Image, PullPolicy: d.flags.PullPolicy, PullSecrets: d.flags.PullSecrets, Profile: d.profile(),
		Timeout: d.flags.Start, KeepAlive: keepAlive, Lifetime: lifetime,
		Longest: d.flags.Deadline, Events: d.event,
	}
}
