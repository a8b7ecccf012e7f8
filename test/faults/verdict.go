package faults

import (
	"encoding/json"
	"fmt"
)

// Verdict is the part of netlook's report that is scored.
type Verdict struct {
	Causes      []Cause           `json:"causes"`
	Candidates  []Cause           `json:"candidates"` // what could not be told apart
	Unexplained []json.RawMessage `json:"unexplained"`
}

// Cause is one cause of a verdict.
type Cause struct {
	Code     string `json:"code"`
	Headline string `json:"headline"`
}

// ParseReport takes the verdict out of a report in JSON. One without a verdict has
// an empty one.
func ParseReport(report []byte) (Verdict, error) {
	var r struct {
		Kind    string   `json:"kind"`
		Verdict *Verdict `json:"verdict"`
	}
	if err := json.Unmarshal(report, &r); err != nil {
		return Verdict{}, fmt.Errorf("no report: %w", err)
	}
	if r.Kind != "Report" {
		return Verdict{}, fmt.Errorf("no report: kind %q", r.Kind)
	}
	if r.Verdict == nil {
		return Verdict{}, nil
	}
	return *r.Verdict, nil
}

// maxGist is how many lines of a report are told in a log.
const maxGist = 60

// Gist is what a report holds that did not go well, for a log: its causes with their
// evidence, and every result that is not a pass. What is no report is "".
func Gist(report []byte) string {
	type cause struct {
		Code, Confidence, Headline string
		Evidence                   []string
	}
	var r struct {
		Verdict struct {
			Causes, Candidates []cause
			Unexplained        []string
		}
		Results []struct{ Vantage, Check, Target, Status, Failure, Summary string }
	}
	if json.Unmarshal(report, &r) != nil {
		return ""
	}
	var lines []string
	for _, list := range [][]cause{r.Verdict.Causes, r.Verdict.Candidates} {
		for _, c := range list {
			lines = append(lines, fmt.Sprintf("%s %s: %s; %q", c.Confidence, c.Code, c.Headline, c.Evidence))
		}
	}
	for _, key := range r.Verdict.Unexplained {
		lines = append(lines, "unexplained: "+key)
	}
	for _, result := range r.Results {
		if result.Status != "pass" {
			lines = append(lines, fmt.Sprintf("%s %s %s %s %s: %s", result.Vantage, result.Check, result.Target, result.Status, result.Failure, result.Summary))
		}
	}
	text := ""
	for _, line := range lines[:min(len(lines), maxGist)] {
		text += fmt.Sprintf("    %.400q\n", line)
	}
	return text
}

func codes(causes []Cause) []string {
	var list []string
	for _, cause := range causes {
		list = append(list, cause.Code)
	}
	return list
}
