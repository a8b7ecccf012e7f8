// Package report turns what a run found into one document: who looked, from where,
// what came of every check, and whether that is healthy, a problem, or too little to
// say. New is pure; the printers below pkg/report/printer show the document.
//
// It may import the standard library, a reader of YAML, pkg/check, pkg/diagnose and
// pkg/facts, never client-go.
package report

import (
	"net/netip"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// The document's type, as Kubernetes objects carry it.
const (
	APIVersion = "netlook.dev/v1alpha1"
	Kind       = "Report"
)

// Status is the outcome of the whole run.
type Status string

// The statuses of a run.
const (
	Healthy    Status = "healthy"
	Problems   Status = "problems"
	Incomplete Status = "incomplete"
)

// Exit codes of a run.
const (
	ExitHealthy    = 0 // checks ran and none failed
	ExitProblems   = 1 // at least one check failed
	ExitIncomplete = 2 // could not diagnose, or not everything
)

// Report is the document. Its fields are in the order in which a person wants them;
// its JSON form is described by docs/report.schema.json.
type Report struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Vantage    Vantage  `json:"vantage"`
	// Probe is nil when nothing was injected.
	Probe   *Probe  `json:"probe,omitempty"`
	Summary Summary `json:"summary"`
	// Verdict is what the failures come from, before the rows that it explains.
	Verdict diagnose.Verdict `json:"verdict"`
	Notices []Notice         `json:"notices,omitempty"`
	// Network is the cluster's network plugin, nil when it is not known.
	Network *Network `json:"network,omitempty"`
	// Targets has a line for each of several --to arguments.
	Targets []TargetSummary `json:"targets,omitempty"`
	// Walk follows the service that was asked about, nil when none was.
	Walk *Walk `json:"walk,omitempty"`
	// Outside are the ways in that were tried from this machine as well.
	Outside []OutsideRow `json:"outside,omitempty"`
	// Policy is what NetworkPolicies say, nil where none has a say.
	Policy *Policy `json:"policy,omitempty"`
	// Skipped are the checks that did not run, by reason.
	Skipped []SkipGroup `json:"skipped,omitempty"`
	// Changes is what differs from an older report, nil where none was given.
	Changes *Changes `json:"changes,omitempty"`
	Rows    []Row    `json:"rows"`
	Results []Result `json:"results"`
}

// Result is a check's result as the report carries it.
type Result = check.Result

// Metadata says what made the report, when, and what was asked.
type Metadata struct {
	Tool      Tool           `json:"tool"`
	StartedAt time.Time      `json:"startedAt"`
	Duration  check.Duration `json:"durationMs"`
	// Target is what was diagnosed, as the command named it: "pod/shop/web-0", or
	// "service/shop/web", seen from the vantage point.
	Target string `json:"target"`
	// To are the --to arguments as typed.
	To []string `json:"to,omitempty"`
	// Context is the kubeconfig context's name, "" when there is none (in-cluster).
	Context string `json:"context,omitempty"`
}

// Tool names a build of netlook.
type Tool struct {
	Version string `json:"version"`
	// Build identifies the sources that it was built from.
	Build string `json:"build,omitempty"`
}

// Rung says what the results rest on.
type Rung string

// The rungs of the ladder that a report distinguishes.
const (
	RungProbe Rung = "probe" // packets were sent from the vantage point
	RungAPI   Rung = "api"   // only the Kubernetes API was read
)

// Vantage is where the checks ran.
type Vantage struct {
	Kind      facts.VantageKind `json:"kind"`
	Namespace string            `json:"namespace,omitempty"`
	Name      string            `json:"name"`
	Node      string            `json:"node,omitempty"`
	IPs       []netip.Addr      `json:"ips,omitempty"`
	Rung      Rung              `json:"rung"`
	// Profile is the security profile of the probe, "" on the API rung.
	Profile string `json:"profile,omitempty"`
}

// String is "pod/shop/web-0" or "node/w1", as results name their vantage point.
func (v Vantage) String() string {
	if v.Namespace == "" {
		return string(v.Kind) + "/" + v.Name
	}
	return string(v.Kind) + "/" + v.Namespace + "/" + v.Name
}

// Probe is the probe that ran the checks.
type Probe struct {
	// Container is the ephemeral container's name, or the node pod's.
	Container string `json:"container"`
	Namespace string `json:"namespace,omitempty"`
	Image     string `json:"image,omitempty"`
	Version   string `json:"version,omitempty"`
	Build     string `json:"build,omitempty"`
	// Warm says that a probe of an earlier run was found and used.
	Warm bool `json:"warm"`
	// StartedIn is how long it took from asking for the probe until it answered.
	StartedIn check.Duration `json:"startedInMs"`
	// Resumed counts how often the session went on over a new attach.
	Resumed int `json:"resumed,omitempty"`
	// Capabilities are those that the probe's kernel says it holds.
	Capabilities []string `json:"capabilities,omitempty"`
	// BuildSkew says that plugin and probe were built from different sources.
	BuildSkew bool `json:"buildSkew,omitempty"`
}

// NoticeKind says what a notice is about.
type NoticeKind string

// The kinds of notice.
const (
	// Unread: something could not be read; the checks that need it did not run.
	Unread NoticeKind = "unread"
	// Cut: the run did not end as it should have; results are missing.
	Cut NoticeKind = "incomplete"
	// Fallback: no probe could be placed, so only the API was read.
	Fallback NoticeKind = "fallback"
	// Note: worth knowing, and changes nothing about the outcome.
	Note NoticeKind = "note"
)

// Notice is one thing that the reader must know to judge the results.
type Notice struct {
	Kind    NoticeKind `json:"kind"`
	Message string     `json:"message"`
	// Unlock is what to type to do better, "" when nothing helps.
	Unlock string `json:"unlock,omitempty"`
}

// Summary is the outcome in one line and in numbers.
type Summary struct {
	Status   Status `json:"status"`
	ExitCode int    `json:"exitCode"`
	// Headline is one line for people, without a mark or a full stop.
	Headline string `json:"headline"`
	Counts   Counts `json:"counts"`
}

// Counts are numbers of results by status.
type Counts struct {
	Total   int `json:"total"`
	Pass    int `json:"pass"`
	Warn    int `json:"warn"`
	Fail    int `json:"fail"`
	Error   int `json:"error"`
	Skipped int `json:"skipped"`
	// Unknown counts tasks that were sent and never answered.
	Unknown int `json:"unknown"`
}

func (c *Counts) add(s check.Status) {
	c.Total++
	switch s {
	case check.Pass:
		c.Pass++
	case check.Warn:
		c.Warn++
	case check.Fail:
		c.Fail++
	case check.Error:
		c.Error++
	case check.Skipped:
		c.Skipped++
	default:
		c.Unknown++
	}
}

// SkipGroup is a reason for which checks did not run.
type SkipGroup struct {
	Reason string   `json:"reason"`
	Unlock string   `json:"unlock,omitempty"`
	Titles []string `json:"titles"`
	Count  int      `json:"count"`
}
