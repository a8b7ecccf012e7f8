package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Bounds of a saved report. One of a service with 1,000 endpoints takes about 1 MB; what is
// larger than this by far is something else, or was made to fill the memory of its reader.
const (
	maxFile     = 64 << 20
	maxYAML     = 8 << 20 // a tree of YAML takes some 50 times its text
	maxDepth    = 32      // a report has 9
	maxList     = 1 << 17 // of one array or object
	maxElements = 1 << 20 // of all arrays together
	maxHops     = 64      // of one path; the longest drawn has some 20
)

// ErrNoReport is what Load returns, wrapped, for what is no report.
var ErrNoReport = errors.New("not a netlook report")

// how says how to come by a file that Load takes.
const how = "; save one with: kubectl netlook pod NAME -o json > FILE"

// Load reads a report that -o json or -o yaml has written, and checks that it is one:
// fields that it does not know are passed over, and what it knows must hold together. Its
// strings are as they were saved: printers escape them. What is no report gives an
// ErrNoReport.
func Load(r io.Reader) (*Report, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%w: it is larger than %d MiB", ErrNoReport, maxFile>>20)
	}
	if text, err = toJSON(text); err != nil {
		return nil, err
	}
	if err := measure(text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	if err := kindOf(text); err != nil {
		return nil, err
	}
	var rep Report
	if err := json.Unmarshal(text, &rep); err != nil {
		return nil, fmt.Errorf("%w, or a damaged one: %w", ErrNoReport, place(text, err))
	}
	if err := rep.holdsTogether(); err != nil {
		return nil, fmt.Errorf("a damaged report: %w", err)
	}
	return &rep, nil
}

// toJSON takes what editors and shells put around a text from it, and turns YAML into JSON.
func toJSON(text []byte) ([]byte, error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	switch {
	case len(text) == 0:
		return nil, fmt.Errorf("%w: it is empty%s", ErrNoReport, how)
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return nil, fmt.Errorf("%w: it is UTF-16, as an old PowerShell writes it behind >; write UTF-8: ... | Out-File -Encoding utf8 FILE", ErrNoReport)
	case text[0] == '{':
		return text, nil
	case text[0] == '<':
		return nil, fmt.Errorf("%w that can be read back: it is XML or HTML%s", ErrNoReport, how)
	case len(text) > maxYAML:
		return nil, fmt.Errorf("%w: it is no JSON, and larger than YAML is read (%d MiB)", ErrNoReport, maxYAML>>20)
	}
	// Of a list of anchors and aliases a tree grows that is larger than its text by far; the
	// library refuses that, and reports have neither.
	text, err := yaml.YAMLToJSON(text)
	if err != nil || text[0] != '{' {
		return nil, fmt.Errorf("%w: neither JSON nor YAML%s", ErrNoReport, how)
	}
	return text, nil
}

// measure counts what a JSON text holds, before anything is made of it: three bytes of a
// list may become hundreds in memory. Whether it is JSON at all is for the parser to say.
func measure(text []byte) error {
	type open struct {
		array bool
		count int
	}
	var stack []open
	quoted, elements := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted:
			if c == '\\' {
				i++
			}
			quoted = c != '"'
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			if stack = append(stack, open{array: c == '['}); len(stack) > maxDepth {
				return fmt.Errorf("it is nested more than %d deep", maxDepth)
			}
		case (c == '}' || c == ']') && len(stack) > 0:
			stack = stack[:len(stack)-1]
		case c == ',' && len(stack) > 0:
			top := &stack[len(stack)-1]
			if top.array {
				elements++
			}
			if top.count++; top.count >= maxList || elements >= maxElements {
				return errors.New("its lists are longer than those of any report")
			}
		}
	}
	return nil
}

// kindOf checks the type that the document says it has.
func kindOf(text []byte) error {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Tool Tool `json:"tool"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		var typed *json.UnmarshalTypeError
		if !errors.As(err, &typed) || head.Kind != Kind {
			return fmt.Errorf("%w: %w%s", ErrNoReport, place(text, err), how)
		}
	}
	group, _, _ := strings.Cut(APIVersion, "/")
	switch {
	case head.Kind == Kind && head.APIVersion == APIVersion:
		return nil
	case head.Kind == "" && head.APIVersion == "":
		return fmt.Errorf("%w: it has no apiVersion and no kind%s", ErrNoReport, how)
	case head.Kind == Kind && strings.HasPrefix(head.APIVersion, group+"/"):
		return fmt.Errorf("the report has apiVersion %.40s and was written by netlook %.40s; this one reads %s: use a newer netlook", head.APIVersion, head.Metadata.Tool.Version, APIVersion)
	}
	return fmt.Errorf("%w: apiVersion %.60q, kind %.60q%s", ErrNoReport, head.APIVersion, head.Kind, how)
}

// place names the line at which JSON cannot be read, or the field.
func place(text []byte, err error) error {
	var syntax *json.SyntaxError
	var typed *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at := min(max(int(syntax.Offset), 0), len(text))
		return fmt.Errorf("line %d: %w", 1+bytes.Count(text[:at], []byte("\n")), err)
	case errors.As(err, &typed):
		return fmt.Errorf("%.80s cannot be a JSON %.40s", typed.Field, typed.Value)
	}
	return err
}

// holdsTogether checks what every printer and the exit status rely on.
func (r *Report) holdsTogether() error {
	status := map[Status]int{Healthy: ExitHealthy, Problems: ExitProblems, Incomplete: ExitIncomplete}
	code, known := status[r.Summary.Status]
	c := r.Summary.Counts
	switch {
	case !known || r.Summary.ExitCode != code:
		return fmt.Errorf("summary.status %.40q with exitCode %d", r.Summary.Status, r.Summary.ExitCode)
	case r.Vantage.Kind != facts.VantagePod && r.Vantage.Kind != facts.VantageNode:
		return fmt.Errorf("vantage.kind is %.40q", r.Vantage.Kind)
	case r.Vantage.Rung != RungProbe && r.Vantage.Rung != RungAPI:
		return fmt.Errorf("vantage.rung is %.40q", r.Vantage.Rung)
	case r.Metadata.Target == "" || r.Vantage.Name == "":
		return errors.New("it does not say what was looked at")
	case r.Metadata.StartedAt.IsZero() || r.Metadata.StartedAt.UTC().Year() > 9999:
		return errors.New("it does not say when it was made")
	case r.Changes != nil && (r.Changes.Baseline.StartedAt.IsZero() || r.Changes.Baseline.StartedAt.UTC().Year() > 9999):
		return errors.New("changes.baseline does not say when it was made")
	case c != count(r.Results):
		return errors.New("summary.counts are not those of the results")
	case r.Summary.Status == Healthy && c.Fail+c.Error+c.Unknown > 0:
		return errors.New("the summary says healthy, and the results do not")
	}
	for _, n := range r.Notices {
		switch n.Kind {
		case Unread, Cut, Fallback, Note:
		default:
			return fmt.Errorf("notices.kind is %.40q", n.Kind)
		}
	}
	for _, f := range append(r.Verdict.Causes[:len(r.Verdict.Causes):len(r.Verdict.Causes)], r.Verdict.Candidates...) {
		if f.Confidence == 0 || f.Code == "" {
			return fmt.Errorf("a cause without code or confidence: %.80q", f.Headline)
		}
		if p := f.Path; p != nil && (len(p.Hops) > maxHops || len(p.Links) != max(len(p.Hops)-1, 0)) {
			return fmt.Errorf("the path of %.40q has %d hops and %d links", f.Code, len(p.Hops), len(p.Links))
		}
	}
	for _, row := range r.Rows {
		if n := row.Counts; min(n.Total, n.Pass, n.Warn, n.Fail, n.Error, n.Skipped, n.Unknown) < 0 || n.Total < 1 || n.Total > len(r.Results) {
			return fmt.Errorf("the counts of row %.80q are impossible", row.Title)
		}
	}
	return nil
}

func count(results []Result) Counts {
	var c Counts
	for _, r := range results {
		c.add(r.Status)
	}
	return c
}
