// Package diagnose says why: it holds the registry of root causes and the engine
// that picks, of all causes that fit what was found, the smallest and most confident
// set that explains every failure, and names what stays unexplained.
//
// A cause is a pure function of a Case; the causes themselves live in
// pkg/diagnose/causes, one file each. It may import the standard library, pkg/check,
// pkg/facts and pkg/target, never client-go (a test enforces it).
package diagnose

import (
	"fmt"
	"slices"
	"strings"
)

// Confidence says how sure a finding is.
type Confidence int

// The confidences. Only what is at least Likely becomes the verdict; what is Possible
// is listed as something that could not be told apart.
const (
	Possible Confidence = iota + 1 // fits, and so may others
	Likely                         // the signals point here, none points elsewhere
	Certain                        // read from the state that is wrong itself
)

var confidenceNames = map[Confidence]string{Possible: "possible", Likely: "likely", Certain: "certain"}

// String is the confidence as reports have it.
func (c Confidence) String() string { return confidenceNames[c] }

// MarshalText implements encoding.TextMarshaler.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Confidence) UnmarshalText(text []byte) error {
	for value, name := range confidenceNames {
		if name == string(text) {
			*c = value
			return nil
		}
	}
	return fmt.Errorf("confidence %q is not known", text)
}

// Cause is one named root cause, with what a person should know of it.
type Cause struct {
	// Code is stable: NL-AREA-NAME.
	Code string
	// Summary is one line for `kubectl netlook checks`.
	Summary string
	// Signal says what is looked at to recognise it, and why that tells.
	Signal string
	// Meaning says what it does to users of the network.
	Meaning string
	// Confirm are commands that show it by hand; Remedy those that mend it. Words in
	// capitals are to be filled in.
	Confirm []string
	Remedy  []string
	// Source is where the cause is described: an issue, a manual page.
	Source string
	// Deep says that only the node rung can be certain of it.
	Deep bool
	// Spot is where on a packet's way it sits; zero for what is on none.
	Spot Spot
	// Find is pure.
	Find func(*Case) []Finding
}

// Finding is a cause that fits what was found.
type Finding struct {
	Code       string     `json:"code"`
	Headline   string     `json:"headline"`
	Confidence Confidence `json:"confidence"`
	// Where are the places, most exact first: "10.244.2.7:8080 = pod/shop/x on node w2".
	Where []string `json:"where,omitempty"`
	// Evidence are the lines that it rests on.
	Evidence []string `json:"evidence,omitempty"`
	// Explains are the results, by Key, that would not have failed without it.
	Explains []string `json:"explains,omitempty"`
	// Likely is what probably made it so.
	Likely string `json:"likely,omitempty"`
	// Try are commands to paste: to confirm, then to mend.
	Try []string `json:"try,omitempty"`
	// Rank orders findings that explain the same: a cause in the middle of the path
	// outranks its symptoms. Higher first.
	Rank int `json:"-"`
	// Spot is the cause's, unless the finding knows better.
	Spot Spot `json:"-"`
	// Path is the way on which it sits, drawn by the engine; nil when it sits on none.
	Path *Path `json:"path,omitempty"`
}

// Verdict is what the engine makes of a case.
type Verdict struct {
	// Causes explain the failures, most important first.
	Causes []Finding `json:"causes,omitempty"`
	// Candidates fit failures that no cause explains for sure.
	Candidates []Finding `json:"candidates,omitempty"`
	// Unexplained are failures that no finding covers, by Key.
	Unexplained []string `json:"unexplained,omitempty"`
}

// Registry holds causes by code. The zero value is empty and ready.
type Registry struct{ causes map[string]Cause }

// Add adds c. It panics on a mistake of the programmer: an empty or duplicate code, a
// cause without documentation or function.
func (r *Registry) Add(c Cause) {
	if !strings.HasPrefix(c.Code, "NL-") || c.Summary == "" || c.Signal == "" || c.Meaning == "" || c.Find == nil {
		panic(fmt.Sprintf("cause %q: code, summary, signal, meaning and Find are needed", c.Code))
	}
	if _, taken := r.causes[c.Code]; taken {
		panic(fmt.Sprintf("cause %q is registered twice", c.Code))
	}
	if r.causes == nil {
		r.causes = map[string]Cause{}
	}
	r.causes[c.Code] = c
}

// Get returns the cause of that code.
func (r *Registry) Get(code string) (Cause, bool) {
	c, found := r.causes[strings.ToUpper(code)]
	return c, found
}

// List returns all causes, sorted by code.
func (r *Registry) List() []Cause {
	list := make([]Cause, 0, len(r.causes))
	for _, c := range r.causes {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Cause) int { return strings.Compare(a.Code, b.Code) })
	return list
}
