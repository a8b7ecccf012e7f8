package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Input is everything that a report is made of.
type Input struct {
	Tool    Tool
	Started time.Time
	Took    time.Duration
	To      []string
	Context string
	Vantage facts.Vantage
	// Probe is nil when nothing was injected; the report is then of the API rung.
	Probe *Probe
	// APIOnly says that the user asked for the API rung. Without it a report
	// without a probe is incomplete, whatever the API says.
	APIOnly bool
	Notices []Notice
	// Asked are the arguments that need evidence, as results carry them. Of one that
	// has none it is not known whether it can be reached: the run is incomplete.
	Asked []string
	// Tasks are those that were sent to a probe. One without a result is shown as
	// unknown, and makes the run incomplete.
	Tasks   []check.Task
	Results []check.Result
	// Verdict is the diagnosis of Results.
	Verdict diagnose.Verdict
	// Service is the one to walk, nil when the vantage point itself was asked about.
	Service *facts.Service
	// Policies is what NetworkPolicies say; AskedPolicy that this was asked for.
	Policies    facts.Policies
	AskedPolicy bool
	// Network is the cluster's network plugin, as the API tells it.
	Network facts.Network
	// DNSService is the cluster's DNS service, as namespace/name.
	DNSService string
}

// New makes the report. It is pure: the same input gives the same report, in
// whatever order the results came in.
func New(in Input) *Report {
	r := &Report{
		APIVersion: APIVersion,
		Kind:       Kind,
		Metadata: Metadata{
			Tool: in.Tool, StartedAt: in.Started.UTC().Truncate(time.Millisecond), Duration: check.Duration(in.Took),
			Target: in.Vantage.String(), To: in.To, Context: in.Context,
		},
		Vantage: newVantage(in),
		Probe:   in.Probe,
		Verdict: in.Verdict,
		Notices: slices.Clone(in.Notices),
		Results: complete(in),
	}
	if in.Service != nil {
		r.Metadata.Target = "service/" + in.Service.Ref().String()
		r.Walk = newWalk(*in.Service, in)
	}
	r.Network = newNetwork(in)
	r.Policy = newPolicy(in)
	r.Targets = newTargets(in, r.Results)
	r.Outside = newOutside(in, r.Results)
	slices.SortStableFunc(r.Results, compareResults)
	r.Rows = newRows(r.Results)
	r.Skipped = newSkipped(r.Results)
	r.Summary = newSummary(r, in)
	return r
}

func newVantage(in Input) Vantage {
	v := Vantage{Kind: in.Vantage.Kind, IPs: in.Vantage.IPs(), Profile: in.Vantage.Profile, Rung: RungProbe}
	if in.Probe == nil {
		v.Rung, v.Profile = RungAPI, ""
	}
	switch pod, node := in.Vantage.Pod, in.Vantage.Node; {
	case v.Kind == facts.VantagePod && pod != nil:
		v.Namespace, v.Name, v.Node = pod.Namespace, pod.Name, pod.Node
	case node != nil:
		v.Name, v.Node = node.Name, node.Name
	}
	return v
}

// complete returns the results, and one of status unknown for each task that has none.
func complete(in Input) []check.Result {
	results := make([]check.Result, 0, len(in.Results))
	answered := make(map[string]bool, len(in.Results))
	for _, res := range in.Results {
		// Another vantage point may have a task of the same ID.
		answered[res.TaskID] = answered[res.TaskID] || res.Vantage == "" || res.Vantage == in.Vantage.String()
		results = append(results, res)
	}
	for _, t := range in.Tasks {
		if !answered[t.ID] {
			results = append(results, check.Result{
				TaskID: t.ID, Check: t.Check, Label: t.Label, Vantage: in.Vantage.String(),
				Summary: "no result arrived from the probe",
			})
		}
	}
	return results
}

// areaOrder is the order in which a packet meets things; areas that are not in it
// come last.
var areaOrder = []string{"vantage", "gateway", "dns", "api", "service", "target", "path", "external", "node", "state"}

func areaRank(area string) int {
	if i := slices.Index(areaOrder, area); i >= 0 {
		return i
	}
	return len(areaOrder)
}

func compareResults(a, b check.Result) int {
	return cmp.Or(
		cmp.Compare(areaRank(a.Area), areaRank(b.Area)),
		strings.Compare(a.Area, b.Area),
		strings.Compare(a.Title, b.Title),
		strings.Compare(a.Subject, b.Subject),
		strings.Compare(a.Target, b.Target),
		strings.Compare(a.TaskID, b.TaskID),
		strings.Compare(a.Vantage, b.Vantage),
	)
}

// newSkipped groups what did not run by reason, in the order of the results.
func newSkipped(results []check.Result) []SkipGroup {
	var groups []SkipGroup
	at := map[check.Skip]int{}
	for _, res := range results {
		if res.Status != check.Skipped {
			continue
		}
		why := check.Skip{Reason: res.Summary}
		if res.Skip != nil {
			why = *res.Skip
		}
		i, known := at[why]
		if !known {
			i = len(groups)
			at[why] = i
			groups = append(groups, SkipGroup{Reason: why.Reason, Unlock: why.Unlock})
		}
		g := &groups[i]
		g.Count++
		if !slices.Contains(g.Titles, res.Title) {
			g.Titles = append(g.Titles, res.Title)
		}
	}
	return groups
}
