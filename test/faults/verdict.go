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

func codes(causes []Cause) []string {
	var list []string
	for _, cause := range causes {
		list = append(list, cause.Code)
	}
	return list
}
