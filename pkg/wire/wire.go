// Package wire is what the plugin and a probe say to each other: JSON lines,
// version 1, over an attach without a terminal. The plugin's frames travel on the
// probe's stdin, the probe's on its stdout.
//
//	plugin                              probe
//	open{session}          ->
//	                       <-           hello{session, build, capabilities, ...} or busy{session, leftMs}
//	plan{session, tasks}   ->           (in parts, when it is long)
//	                       <-           beat{session}           at once, then every 2 s
//	                       <-           result{session, seq}    as each task ends
//	                       <-           end{session, count}
//	resume{session, after} ->           after a lost attach: results again, from after+1
//	cancel{session}        ->
//	                       <-           reject{session, code}   for what it cannot read or do
//
// The plugin speaks first because an attach does not replay what was written before
// it (kubernetes issue 27264), and because a warm probe has served others before.
//
// Everything read is hostile until parsed: Reader bounds it, Assembler orders it, and
// Sanitize makes its strings fit for a terminal. The package may import the standard
// library and pkg/check only (a test enforces it).
package wire

import "github.com/netlook/kubectl-netlook/pkg/check"

// Version is the version of the frames that this build speaks. Frames of another
// version are skipped, and counted.
const Version = 1

// Limits of what is accepted.
const (
	// MaxLine is the longest line, in bytes without its newline. The routes,
	// neighbours and FDB entries of a node in a cluster of 5,000 fit in.
	MaxLine = 4 << 20
	// MaxCommas is how many commas a line may hold: a list of empty elements would
	// take a hundred times the memory of its line. A table of real ones that fills a
	// line has fewer.
	MaxCommas = 1 << 18
	// MaxNoise is how many bytes of lines that are no frames a Reader passes over
	// before it gives up.
	MaxNoise = 16 << 20
	// MaxResults is the highest seq, and so the number of tasks of a plan.
	MaxResults = 100_000
	// MaxSession is the longest session ID, in bytes.
	MaxSession = 64
	// partSize is the length at which a plan is cut into parts: short enough for a
	// slow stdin, long enough that few plans have two.
	partSize = 128 << 10
)

// Kind names a kind of frame.
type Kind string

// The kinds of frame.
const (
	KindOpen   Kind = "open"
	KindHello  Kind = "hello"
	KindBusy   Kind = "busy"
	KindPlan   Kind = "plan"
	KindResult Kind = "result"
	KindBeat   Kind = "beat"
	KindEnd    Kind = "end"
	KindResume Kind = "resume"
	KindCancel Kind = "cancel"
	KindReject Kind = "reject"
)

// Frame is one of the pointer types *Open, *Hello, *Busy, *Plan, *Result, *Beat,
// *End, *Resume, *Cancel and *Reject.
type Frame interface {
	// SessionID is the session that the frame belongs to, "" for none.
	SessionID() string
	kind() Kind
	head() *Head
}

// Head is what every frame carries. Encode fills in V and Kind.
type Head struct {
	V       int    `json:"v"`
	Kind    Kind   `json:"kind"`
	Session string `json:"session,omitempty"`
}

// SessionID implements Frame.
func (h *Head) SessionID() string { return h.Session }
func (h *Head) head() *Head       { return h }

// Open asks a probe for a session. It may be repeated: the answer is another Hello,
// and the probe waits for the plan anew.
type Open struct{ Head }

// Hello is a probe's answer to Open. A fresh probe also says it once, without a
// session, for its log.
type Hello struct {
	Head
	Version string `json:"version"`
	Build   string `json:"build"`
	// Capabilities are those in the effective set, as the kernel tells it.
	Capabilities []string `json:"capabilities"`
	Netns        string   `json:"netns"` // as in readlink /proc/self/ns/net
	UID          int      `json:"uid"`
	// Left is how long the probe may still live.
	Left check.Duration `json:"leftMs"`
	// Served is the number of plans run before.
	Served int `json:"served"`
}

// Busy is the answer to an Open while another session runs.
type Busy struct {
	Head
	// Left is how long the other session can last at most.
	Left check.Duration `json:"leftMs"`
}

// Plan is what to run. A long plan comes in several parts, each with the tasks that
// follow those of the part before; the other fields are the same in each.
type Plan struct {
	Head
	Part  int          `json:"part"` // from 1
	Parts int          `json:"parts"`
	Tasks []check.Task `json:"tasks"`
	// Deadline is how long the whole plan may take.
	Deadline check.Duration `json:"deadlineMs"`
	// KeepAlive is how long the probe waits for another session after the end.
	KeepAlive check.Duration `json:"keepAliveMs"`
}

// Result carries what came of one task. Seq counts from 1 in a session.
type Result struct {
	Head
	Seq    int          `json:"seq"`
	Result check.Result `json:"result"`
}

// Beat says that a session is alive. The first one follows the plan at once.
type Beat struct {
	Head
	// Seq is that of the last result sent.
	Seq     int `json:"seq"`
	Running int `json:"running"`
	Queued  int `json:"queued"`
	// Waiting are the IDs of the tasks that have run for longest, a few of them.
	Waiting []string `json:"waiting,omitempty"`
}

// End closes a session: Count results were sent.
type End struct {
	Head
	Count     int  `json:"count"`
	Cancelled bool `json:"cancelled,omitempty"`
}

// Resume asks for the results of a session after seq After, and for its End, again.
type Resume struct {
	Head
	After int `json:"after"`
}

// Cancel ends a session early.
type Cancel struct{ Head }

// The codes of Reject.
const (
	// CodeUnreadable: a line could not be read, perhaps because two clients wrote at
	// the same time; whoever waits for an answer sends again.
	CodeUnreadable = "unreadable"
	// CodeNotOpen: a plan for a session that is not open.
	CodeNotOpen = "not-open"
	// CodeUnknownSession: nothing is known of the session to resume.
	CodeUnknownSession = "unknown-session"
	// CodeBadPlan: the plan breaks a limit; sending it again will not help.
	CodeBadPlan = "bad-plan"
)

// Reject is the answer to a line that a probe cannot read or will not do. Session
// is "" when the line did not tell it.
type Reject struct {
	Head
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

func (*Open) kind() Kind   { return KindOpen }
func (*Hello) kind() Kind  { return KindHello }
func (*Busy) kind() Kind   { return KindBusy }
func (*Plan) kind() Kind   { return KindPlan }
func (*Result) kind() Kind { return KindResult }
func (*Beat) kind() Kind   { return KindBeat }
func (*End) kind() Kind    { return KindEnd }
func (*Resume) kind() Kind { return KindResume }
func (*Cancel) kind() Kind { return KindCancel }
func (*Reject) kind() Kind { return KindReject }

// blank makes an empty frame of a kind, nil for a kind that this build does not know.
func blank(k Kind) Frame {
	switch k {
	case KindOpen:
		return &Open{}
	case KindHello:
		return &Hello{}
	case KindBusy:
		return &Busy{}
	case KindPlan:
		return &Plan{}
	case KindResult:
		return &Result{}
	case KindBeat:
		return &Beat{}
	case KindEnd:
		return &End{}
	case KindResume:
		return &Resume{}
	case KindCancel:
		return &Cancel{}
	case KindReject:
		return &Reject{}
	}
	return nil
}
