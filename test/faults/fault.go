// Package faults is the measure of netlook: it breaks the test cluster in ways known
// from the field, one folder a fault, and scores what netlook makes of each. A fault
// counts only if an independent probe sees it bite, and the next one begins only when
// the cluster has been proven healthy again.
//
// It uses nothing of netlook's own packages: like a user it runs the plugin through
// kubectl, and reads the report that it prints.
package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// File is what a folder of the corpus must contain.
const File = "fault.yaml"

// Fault is the content of a fault.yaml. All scripts are bash, run with -euo pipefail
// after lib.sh, in an environment that says what is where (see vars.go).
type Fault struct {
	// Name is that of the folder: a number, and words.
	Name string `json:"-"`
	// Title says in a few words what is broken.
	Title string `json:"title"`
	// Imitates says where this comes up in the field; Source is its address: an
	// issue (owner/repo#n), a page, or a file of the kernel.
	Imitates string `json:"imitates"`
	Source   string `json:"source"`
	// Cluster holds options of `testcluster up` when the usual cluster will not do.
	// Such faults run last.
	Cluster string `json:"cluster,omitempty"`
	// Cilium plays the fault a second time on a cluster with Cilium in flannel's place.
	Cilium *Variant `json:"cilium,omitempty"`
	// Setup is a manifest beside app.yaml. What it makes is deleted after the fault.
	// A healthy cluster may have one too, with Observe to see that it works.
	Setup string `json:"setup,omitempty"`
	// Inject breaks something. Empty: the cluster stays healthy, and the verdict
	// must be that it is.
	Inject string `json:"inject,omitempty"`
	// Observe succeeds only while the fault bites, asked by other means than
	// netlook's. It is tried until it succeeds or ObserveWithin (seconds) is over,
	// and once more after netlook has run.
	Observe       string `json:"observe,omitempty"`
	ObserveWithin int    `json:"observeWithin,omitempty"`
	// Heal undoes Inject, exactly. It must bear being run when Inject failed half-way.
	Heal string `json:"heal,omitempty"`
	// Healthy succeeds when all is well again, within HealthyWithin seconds.
	Healthy       string `json:"healthy,omitempty"`
	HealthyWithin int    `json:"healthyWithin,omitempty"`
	// Run is what follows `kubectl netlook`.
	Run string `json:"run"`
	// Shallow and Deep are what the verdict must be, without and with --deep.
	Shallow Expect `json:"shallow,omitempty"`
	Deep    Expect `json:"deep,omitempty"`
	// Allow are codes that may be named besides, being true as well. Any other that
	// is named is a false cause.
	Allow []string `json:"allow,omitempty"`
	// Repeat runs netlook several times in a row; every one must be right.
	Repeat Repeat `json:"repeat,omitempty"`
	// Load keeps every processor of the machine busy meanwhile.
	Load bool `json:"load,omitempty"`
}

// Expect is what a verdict must say.
type Expect struct {
	// Causes are right when any of them is named first.
	Causes []string `json:"causes,omitempty"`
	// Candidates make an honest "cannot tell" when no cause is named and at least
	// one of them is among what could not be told apart.
	Candidates []string `json:"candidates,omitempty"`
	// Unseen says that nothing shows the fault on this rung, so that a healthy report is
	// the best there can be. It is for shallow, and told in the score.
	Unseen bool `json:"unseen,omitempty"`
}

// Repeat is how often netlook runs; 0 is once.
type Repeat struct {
	Shallow int `json:"shallow,omitempty"`
	Deep    int `json:"deep,omitempty"`
}

const (
	defaultObserve = 15 // seconds
	defaultHealthy = 40
)

// IsHealthy tells whether nothing is broken: the control.
func (f Fault) IsHealthy() bool { return f.Inject == "" }

// ObserveDeadline is how long the fault may take to bite.
func (f Fault) ObserveDeadline() time.Duration { return seconds(f.ObserveWithin, defaultObserve) }

// HealthyDeadline is how long healing may take.
func (f Fault) HealthyDeadline() time.Duration { return seconds(f.HealthyWithin, defaultHealthy) }

// HealthyScript is Healthy, or its default.
func (f Fault) HealthyScript() string {
	if f.Healthy == "" {
		return "healthy"
	}
	return f.Healthy
}

func seconds(n, otherwise int) time.Duration {
	if n == 0 {
		n = otherwise
	}
	return time.Duration(n) * time.Second
}

var (
	folderName = regexp.MustCompile(`^[0-9]{2,3}-[a-z0-9-]+$`)
	codeName   = regexp.MustCompile(`^NL-[A-Z]+(-[A-Z0-9]+)+$`)
)

// Load reads every fault below folder, in the order of their names, those of
// another cluster last.
func Load(folder string) ([]Fault, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", File))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no %s below %s", File, folder)
	}
	var found []Fault
	for _, file := range files {
		fault, err := read(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		found = append(found, fault)
		if fault.Cilium != nil {
			found = append(found, fault.onCilium())
		}
	}
	slices.SortStableFunc(found, func(a, b Fault) int { return strings.Compare(a.Cluster, b.Cluster) })
	return found, nil
}

func read(file string) (Fault, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return Fault{}, err
	}
	fault, err := Decode(content)
	if err != nil {
		return Fault{}, err
	}
	fault.Name = filepath.Base(filepath.Dir(file))
	if !folderName.MatchString(fault.Name) {
		return Fault{}, fmt.Errorf("the folder's name must be like 07-route-missing")
	}
	return fault, nil
}

// Decode reads a fault.yaml. Fields that do not exist, and those that are missing,
// are errors.
func Decode(content []byte) (Fault, error) {
	var f Fault
	if err := yaml.UnmarshalStrict(content, &f); err != nil {
		return f, err
	}
	var problems []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	need(f.Title != "" && f.Imitates != "" && f.Source != "", "title, imitates and source are needed")
	need(f.Run != "", "run is needed")
	need((f.Inject == "" && f.Setup == "") == (f.Observe == ""), "inject and setup need observe, which needs one of them")
	need(f.Inject == "" || f.Heal != "" || f.Setup != "", "inject needs heal or setup")
	need(f.Inject != "" || f.Heal == "", "heal needs inject")
	expected := slices.Concat(f.Shallow.Causes, f.Shallow.Candidates, f.Deep.Causes)
	need(f.IsHealthy() == (len(expected) == 0), "a fault needs causes, and the healthy cluster has none")
	need(f.IsHealthy() || len(f.Deep.Causes) > 0, "deep.causes is needed")
	need(f.IsHealthy() || f.Shallow.Unseen != (len(f.Shallow.Causes)+len(f.Shallow.Candidates) > 0), "shallow.causes, shallow.candidates or shallow.unseen is needed")
	need(len(f.Deep.Candidates) == 0 && !f.Deep.Unseen, "with --deep there is nothing that cannot be told apart, or seen")
	for _, code := range slices.Concat(expected, f.Allow) {
		need(codeName.MatchString(code), "%q is no code", code)
	}
	return f, errors.Join(problems...)
}
