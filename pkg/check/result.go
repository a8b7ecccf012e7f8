package check

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// VantageAPI is the vantage point of results that were read from the API alone.
const VantageAPI = "api"

// Status is the outcome of a task. The zero value is Unknown: a result that nobody
// filled in never counts as a pass.
type Status int

// The statuses, in the order in which a row of several shows its worst: a failure
// outweighs what could not be done, and that outweighs a pass.
const (
	Unknown Status = iota
	Pass
	Skipped
	Warn
	Error
	Fail
)

var statusNames = []string{"unknown", "pass", "skipped", "warn", "error", "fail"}

// String is the status as JSON has it.
func (s Status) String() string {
	if s < 0 || int(s) >= len(statusNames) {
		return statusNames[Unknown]
	}
	return statusNames[s]
}

// MarshalText implements encoding.TextMarshaler.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. A name it does not know gives
// Unknown without an error: frames may come from a newer probe.
func (s *Status) UnmarshalText(text []byte) error {
	*s = Status(max(0, slices.Index(statusNames, string(text))))
	return nil
}

// Duration is a time.Duration that JSON shows as a number of milliseconds.
type Duration time.Duration

// D returns it as the standard library's type.
func (d Duration) D() time.Duration { return time.Duration(d) }

// MarshalJSON writes milliseconds, with microseconds behind the point.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(d).Microseconds()) / 1000)
}

// UnmarshalJSON reads milliseconds. Values beyond a day are refused: nothing here
// takes that long, and a float that large would overflow.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var ms float64
	if err := json.Unmarshal(data, &ms); err != nil {
		return err
	}
	const day = 24 * 60 * 60 * 1000
	if ms < 0 || ms > day {
		return fmt.Errorf("duration of %g ms is out of range", ms)
	}
	*d = Duration(ms * float64(time.Millisecond))
	return nil
}

// Result is what came of one task.
type Result struct {
	TaskID string `json:"task"`
	Check  string `json:"check"`
	// Vantage is where it ran ("pod/shop/web-0", "node/w1"), or VantageAPI. The
	// plugin fills it in: a probe need not know its own name.
	Vantage string `json:"vantage,omitempty"`
	Label
	Status   Status   `json:"status"`
	Duration Duration `json:"durationMs"`
	// Attempts are in the order they were started.
	Attempts []Attempt `json:"attempts,omitempty"`
	// Failure is the kind of the failure that matters most, "" without one.
	Failure Failure `json:"failure,omitempty"`
	// Summary is one sentence for people, without a full stop: "2 of 3 attempts
	// timed out after 2 s".
	Summary string `json:"summary"`
	// Meaning says what a failure means, when the check knows better than
	// Failure.Meaning.
	Meaning string `json:"meaning,omitempty"`
	// Evidence is what was seen, in the order it is to be printed.
	Evidence []Evidence `json:"evidence,omitempty"`
	// Skip says why a skipped task did not run.
	Skip *Skip `json:"skip,omitempty"`
	// Kernel carries facts read at the vantage point, for those checks that read.
	Kernel *facts.Kernel `json:"kernel,omitempty"`
}

// Attempt is one try of a task that repeats.
type Attempt struct {
	// Failure is "" for a success.
	Failure Failure `json:"failure,omitempty"`
	// RTT is the time until the answer, or until the attempt was given up.
	RTT Duration `json:"rttMs"`
	// Phases are the parts of RTT for protocols that have any: dns, connect, tls,
	// firstByte.
	Phases []Phase `json:"phases,omitempty"`
	// Detail is what was seen: an error's text, an HTTP status.
	Detail string `json:"detail,omitempty"`
	// Local is the source address and port of the attempt ("10.244.1.4:43122"), by which
	// its flow can be looked up in conntrack afterwards; "" when there was none.
	Local string `json:"local,omitempty"`
	// Repeats is how many packets the kernel had to send again over TCP, because no
	// answer to them came in time.
	Repeats int `json:"repeats,omitempty"`
}

// Phase is a named part of an attempt.
type Phase struct {
	Name     string   `json:"name"`
	Duration Duration `json:"durationMs"`
}

// Evidence is one thing that was seen.
type Evidence struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Skip is the reason why a task did not run, and what would let it.
type Skip struct {
	Reason string `json:"reason"`
	// Unlock is what to type or to change: "--profile netraw". "" when nothing helps.
	Unlock string `json:"unlock,omitempty"`
}

// Skipf is a skipped result.
func Skipf(unlock, format string, args ...any) Result {
	reason := fmt.Sprintf(format, args...)
	return Result{Status: Skipped, Summary: reason, Skip: &Skip{Reason: reason, Unlock: unlock}}
}

// Errorf is a result of status error: the check itself could not be done.
func Errorf(format string, args ...any) Result {
	return Result{Status: Error, Summary: fmt.Sprintf(format, args...)}
}

// Lost counts the attempts that failed.
func (r Result) Lost() int {
	lost := 0
	for _, a := range r.Attempts {
		if a.Failure != "" {
			lost++
		}
	}
	return lost
}

// With appends a piece of evidence.
func (r *Result) With(key, format string, args ...any) {
	r.Evidence = append(r.Evidence, Evidence{Key: key, Value: fmt.Sprintf(format, args...)})
}
