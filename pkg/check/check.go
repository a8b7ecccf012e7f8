// Package check defines what a check is: it plans tasks from the facts, in the
// plugin, and runs a task at a vantage point, in the probe. Both binaries import
// the same registry, so that the two halves cannot drift apart.
//
// It may import the standard library, pkg/facts and pkg/target only (a test
// enforces it). The checks themselves live in pkg/check/checks, one file each.
package check

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Capability is something a task needs of its probe beyond the restricted profile.
type Capability string

// The capabilities that checks may need; the names are the kernel's, without CAP_.
const (
	NetRaw   Capability = "NET_RAW"
	NetAdmin Capability = "NET_ADMIN"
)

// Check is one registered check. A check has a Plan and a Run, or a Read, or all
// three.
type Check struct {
	// ID is stable and dotted: "dns.cluster", "service.vip", "path.mtu".
	ID string
	// Area groups rows of the report: gateway, api, dns, service, target, path,
	// external, node, vantage.
	Area string
	// Summary is one line for `kubectl netlook checks`.
	Summary string
	// Needs are capabilities without which Run is not called: the probe then answers
	// skipped, naming them and the profile that unlocks them.
	Needs []Capability
	// Plan is pure and runs in the plugin.
	Plan func(*facts.Facts) []Task
	// Run runs in the probe, within the task's deadline. It must return soon after
	// ctx ends.
	Run func(context.Context, Task) Result
	// Read is pure and runs in the plugin, on every rung: what the API alone says.
	Read func(*facts.Facts) []Result
}

// Task is one piece of work for a probe.
type Task struct {
	// ID is unique within a plan; two tasks of one ID are the same work, done once.
	ID    string `json:"id"`
	Check string `json:"check"`
	Label
	// Attempts is how often to try (at least 1) for checks that repeat.
	Attempts int `json:"attempts,omitempty"`
	// Timeout is the deadline of the whole task.
	Timeout Duration `json:"timeoutMs"`
	// Params are the check's own parameters, see Define.
	Params json.RawMessage `json:"params,omitempty"`
}

// Label says, for people, what a task or a result is about. The report prints one
// row for each distinct Area and Title, and folds the targets of a row together.
type Label struct {
	Area string `json:"area"`
	// Title is the row: "cluster name", "web endpoints :8080".
	Title string `json:"title"`
	// Target is what exactly was tried: "10.244.2.7:8080", "10.96.0.10 udp".
	Target string `json:"target,omitempty"`
	// Object is what stands behind the target, as "kind/namespace/name" or
	// "kind/name", or "".
	Object string `json:"object,omitempty"`
	// Subject is the object the row is about, likewise: the service of an endpoint.
	Subject string `json:"subject,omitempty"`
	// Asked is the --to or --external argument, as typed, that this serves; "" for
	// what nobody asked for. A run that has no evidence for an argument of its user
	// is not healthy. So it is set where a result tells whether what was asked for can
	// be reached, or why that was not tried; that its name resolves, or that the API
	// calls it ready, is no evidence of that, and leaves it "".
	Asked string `json:"asked,omitempty"`
}

// Planned is a task before Define has filled in what it can know itself.
type Planned[P any] struct {
	Label
	// Key makes the task's ID unique within the check; Target when "".
	Key string
	// Attempts and Timeout: 0 means what the user asked for.
	Attempts int
	Timeout  time.Duration
	Params   P
}

// Spec describes a check whose tasks carry parameters of type P, which travel as
// JSON from the plugin to the probe.
type Spec[P any] struct {
	ID      string
	Area    string
	Summary string
	Needs   []Capability
	Plan    func(*facts.Facts) []Planned[P]
	Run     func(context.Context, Task, P) Result
	Read    func(*facts.Facts) []Result
}

// Define makes a Check of a typed description: it gives each planned task its ID,
// area and defaults, and decodes the parameters before Run is called. Parameters
// that cannot be decoded give a result of status error, never a panic: a plan may
// come from another build.
func Define[P any](s Spec[P]) Check {
	c := Check{ID: s.ID, Area: s.Area, Summary: s.Summary, Needs: s.Needs}
	if s.Plan != nil {
		c.Plan = func(f *facts.Facts) []Task {
			var tasks []Task
			for _, p := range s.Plan(f) {
				tasks = append(tasks, s.task(f, p))
			}
			return tasks
		}
	}
	if s.Run != nil {
		c.Run = func(ctx context.Context, t Task) Result {
			params := new(P) // not on the stack of a run that may wait: see probe.launch
			if err := json.Unmarshal(t.Params, params); err != nil {
				return Errorf("the plan's parameters for %s cannot be read: %v", s.ID, err)
			}
			return s.Run(ctx, t, *params)
		}
	}
	if s.Read != nil {
		c.Read = func(f *facts.Facts) []Result {
			results := s.Read(f)
			for i := range results {
				results[i].Check = s.ID
				results[i].Vantage = VantageAPI
				if results[i].Area == "" {
					results[i].Area = s.Area
				}
				if results[i].TaskID == "" {
					results[i].TaskID = s.ID + " " + results[i].Target
				}
			}
			return results
		}
	}
	return c
}

func (s Spec[P]) task(f *facts.Facts, p Planned[P]) Task {
	if p.Area == "" {
		p.Area = s.Area
	}
	if p.Key == "" {
		p.Key = p.Target
	}
	if p.Attempts == 0 {
		p.Attempts = max(1, f.Ask.Attempts)
	}
	if p.Timeout == 0 {
		p.Timeout = f.Ask.Timeout
	}
	params, err := json.Marshal(p.Params)
	if err != nil {
		// Parameters are plain structs of ours: this is a mistake in the check.
		panic(fmt.Sprintf("check %s: parameters of %T cannot be marshalled: %v", s.ID, p.Params, err))
	}
	return Task{
		ID:       s.ID + " " + p.Key,
		Check:    s.ID,
		Label:    p.Label,
		Attempts: p.Attempts,
		Timeout:  Duration(p.Timeout),
		Params:   params,
	}
}

// Registry holds checks by ID. The zero value is empty and ready.
type Registry struct {
	checks map[string]Check
}

// Add adds c. It panics on an empty or duplicate ID, and on a check that can do
// nothing: both are mistakes of a programmer, found by any test.
func (r *Registry) Add(c Check) {
	if c.ID == "" || c.Area == "" || c.Summary == "" {
		panic(fmt.Sprintf("check %q: ID, area and summary are needed", c.ID))
	}
	if (c.Plan == nil) != (c.Run == nil) || (c.Plan == nil && c.Read == nil) {
		panic(fmt.Sprintf("check %q: needs both Plan and Run, or Read", c.ID))
	}
	if _, taken := r.checks[c.ID]; taken {
		panic(fmt.Sprintf("check %q is registered twice", c.ID))
	}
	if r.checks == nil {
		r.checks = map[string]Check{}
	}
	r.checks[c.ID] = c
}

// Get returns the check of that ID.
func (r *Registry) Get(id string) (Check, bool) {
	c, found := r.checks[id]
	return c, found
}

// List returns all checks, sorted by ID.
func (r *Registry) List() []Check {
	list := make([]Check, 0, len(r.checks))
	for _, c := range r.checks {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Check) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// Plan asks every check for its tasks, in the order of IDs. Of tasks with the same
// ID the first is kept, and one for each further argument that it serves: what was
// asked for twice, in other words, needs evidence twice.
func (r *Registry) Plan(f *facts.Facts) []Task {
	var tasks []Task
	seen := map[string]string{} // ID to the argument served
	for _, c := range r.List() {
		if c.Plan == nil {
			continue
		}
		for _, t := range c.Plan(f) {
			if distinct(seen, &t.ID, t.Asked) {
				tasks = append(tasks, t)
			}
		}
	}
	return tasks
}

// distinct reports whether an ID is new, and notes it. One that is taken, but serves
// another argument, is made distinct.
func distinct(seen map[string]string, id *string, asked string) bool {
	served, taken := seen[*id]
	if taken && asked != "" && asked != served {
		*id += " for " + asked
		_, taken = seen[*id]
	}
	if !taken {
		seen[*id] = asked
	}
	return !taken
}

// Read asks every check what the API alone says. Nothing is dropped; results for
// different arguments have different IDs, as tasks have.
func (r *Registry) Read(f *facts.Facts) []Result {
	var results []Result
	seen := map[string]string{}
	for _, c := range r.List() {
		if c.Read == nil {
			continue
		}
		for _, result := range c.Read(f) {
			distinct(seen, &result.TaskID, result.Asked)
			results = append(results, result)
		}
	}
	return results
}
