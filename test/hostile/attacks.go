package hostile

import (
	"fmt"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// escapes clear the screen, set the title, colour, ring, overwrite the line and turn the
// direction of text, with C0, C1 and Unicode's means.
const escapes = "\x1b[2J\x1b]0;owned\x07\x1b[31m\u009b32m\rhealthy\b\b\u202e\u2028\x00\x7f"

// markup is at home in HTML, XML, Markdown and YAML.
const markup = `<script>alert(1)</script><img src=x onerror=alert(1)> ]]> --> | a | [x](javascript:alert(1)) ` + "`" + ` {{.}} ": !!js/function `

// endlessBytes bounds what is said without an end: more than a plugin should hold.
const endlessBytes = 256 << 20

var attacks = []attack{
	{name: "escapes", greet: func(h *wire.Hello) { evil(escapes).hello(h) }, planned: func(v *victim) { v.all(evil(escapes).result) }},
	{name: "markup", greet: func(h *wire.Hello) { evil(markup).hello(h) }, planned: func(v *victim) { v.all(evil(markup).result) }},
	{name: "utf8", planned: func(v *victim) {
		for i, t := range v.tasks {
			v.raw(fmt.Sprintf(`{"v":1,"kind":"result","session":%q,"seq":%d,"result":{"task":%q,"status":"fail","failure":"timeout","summary":"`+"\xff\xc0\x80\xed\xa0\x80\x9b31m"+`","target":"`+"\xfe"+`"}}`+"\n", v.session, i+1, t.ID))
		}
		v.end(len(v.tasks))
	}},
	{name: "tables", planned: func(v *victim) { v.all(v.tables) }},
	{name: "long", planned: func(v *victim) {
		v.all(func(check.Task) check.Result { // Encode refuses them, so by hand
			v.raw(`{"v":1,"kind":"result","session":"` + v.session + `","result":{"summary":"` + strings.Repeat("x", 10<<20) + `"}}` + "\n")
			return pass(check.Task{})
		})
		v.raw(strings.Repeat("y", 10<<20) + "\n")
	}},
	{name: "endless", planned: func(v *victim) {
		v.raw(`{"v":1,"kind":"result","session":"` + v.session + `","result":{"summary":"`)
		for range v.many(endlessBytes >> 20) {
			v.raw(strings.Repeat("x", 1<<20))
		}
	}},
	{name: "seq", planned: func(v *victim) {
		for i, t := range v.tasks {
			for _, seq := range []int{-1, 0, 1, 1 << 40, 1 + i/2} {
				r := pass(t)
				r.TaskID = t.ID
				v.result(seq, r)
			}
		}
		v.end(len(v.tasks))
	}},
	{name: "session", planned: func(v *victim) {
		mine := v.session
		for _, other := range []string{"another", "", strings.Repeat("s", 1<<16)} {
			v.session = other
			v.all(pass)
		}
		v.session = mine
	}},
	{name: "counts", planned: func(v *victim) {
		v.frame(&wire.Beat{Head: v.head(), Seq: 1 << 50, Running: 1 << 50, Queued: -1})
		v.frame(&wire.Beat{Head: v.head(), Seq: wire.MaxResults})
		v.all(pass)
		v.end(1 << 50)
	}},
	{name: "kinds", planned: func(v *victim) {
		for i, t := range v.tasks {
			r := pass(t)
			r.TaskID = t.ID
			for _, head := range []map[string]any{
				{"v": 1, "kind": "results"}, {"v": 99, "kind": "result"}, {"v": 1, "kind": escapes}, {"v": 1, "kind": []string{"result"}}, {"kind": "result"},
			} {
				head["session"], head["seq"], head["result"] = v.session, i+1, r
				v.line(head)
			}
		}
		v.end(0)
	}},
	{name: "strangers", planned: func(v *victim) {
		for i := range v.tasks {
			r := pass(check.Task{})
			r.TaskID = fmt.Sprintf("never planned %d %s", i, escapes)
			v.result(i+1, r)
		}
		v.end(len(v.tasks))
	}},
	{name: "beats", planned: func(v *victim) {
		waiting := []string{escapes, markup}
		for range v.many(1_000_000) {
			v.frame(&wire.Beat{Head: v.head(), Seq: wire.MaxResults, Waiting: waiting})
		}
	}},
	{name: "drip", planned: func(v *victim) {
		for {
			v.frame(&wire.Beat{Head: v.head(), Running: len(v.tasks)})
			v.flush()
			time.Sleep(500 * time.Millisecond)
		}
	}},
	{name: "nesting", planned: func(v *victim) {
		for i, t := range v.tasks {
			for _, pair := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
				const depth = 100_000
				deep := strings.Repeat(pair[0], depth) + "0" + strings.Repeat(pair[1], depth)
				v.raw(fmt.Sprintf(`{"v":1,"kind":"result","session":%q,"seq":%d,"result":{"task":%q,"status":"pass","x":%s}}`+"\n", v.session, i+1, t.ID, deep))
			}
		}
		v.end(len(v.tasks))
	}},
	{name: "garbage", planned: func(v *victim) {
		for i := range v.many(200_000) {
			v.raw(fmt.Sprintf("goroutine %d [running]:\x1b[2J\n{\n\n{\"v\":1,\n\x00\xff\n", i))
		}
		v.end(len(v.tasks))
	}},
	{name: "early", planned: func(v *victim) { v.end(0) }},
	{name: "silent"},
	{name: "busy", opened: func(v *victim) {
		for range 50 {
			v.frame(&wire.Busy{Head: v.head(), Left: check.Duration(1 << 62)})
		}
	}, greet: func(h *wire.Hello) { h.Session = "another" }},
	{name: "rejects", opened: func(v *victim) { v.rejects(wire.CodeUnreadable) }},
	{name: "notopen", opened: func(v *victim) { v.rejects(wire.CodeNotOpen) }},
	{name: "badplan", planned: func(v *victim) {
		v.frame(&wire.Reject{Head: v.head(), Code: wire.CodeBadPlan, Reason: escapes + strings.Repeat(markup, 100)})
	}},
	{name: "dies", planned: func(v *victim) {
		for i, t := range v.tasks[:len(v.tasks)/2] {
			r := pass(t)
			r.TaskID = t.ID
			v.result(i+1, r)
		}
		v.raw("panic: " + escapes + "\n")
		v.flush()
		v.Die()
	}},
}

// rejects refuses what was not even sent, again and again, and reads nothing meanwhile.
func (v *victim) rejects(code string) {
	hello := &wire.Hello{Head: v.head(), Version: "dev", Build: v.Build, Left: check.Duration(Lifetime)}
	for range v.many(300_000) {
		v.frame(&wire.Reject{Head: v.head(), Code: code, Reason: escapes})
		if code == wire.CodeNotOpen {
			v.frame(hello)
		}
	}
}

// evil is a text that stands wherever a probe may write one.
type evil string

func (e evil) hello(h *wire.Hello) {
	h.Version, h.Build, h.Netns = string(e), string(e), string(e)
	h.Capabilities = []string{string(e)}
}

// result says e of a task, in every field: half of them fail, and the others are left
// out with a reason.
func (e evil) result(t check.Task) check.Result {
	s := string(e)
	r := check.Result{
		Check: s, Vantage: s, Label: check.Label{Area: s, Title: s, Target: s, Object: s, Subject: s},
		Status: check.Fail, Failure: check.Failure(s), Summary: s, Meaning: s,
		Attempts: []check.Attempt{{Failure: check.Failure(s), Detail: s, Local: s, Phases: []check.Phase{{Name: s}}}},
		Kernel: &facts.Kernel{
			Links:      []facts.Link{{Index: 2, Name: s, Kind: s, MAC: s, Addrs: []string{s}, State: s, Master: s, PortState: s}},
			Routes:     []facts.Route{{Dst: s, Gateway: s, Dev: s}},
			Neighbours: []facts.Neighbour{{IP: s, Dev: s, MAC: s, State: s}},
			ResolvConf: &facts.ResolvConf{Nameservers: []string{s}, Search: []string{s}, Options: []string{s}},
			Sysctls:    []facts.Sysctl{{Name: s, Value: s}},
			Listeners:  []string{s},
			FullQueues: []facts.ListenQueue{{At: s}},
			Counters:   map[string]uint64{s: 1 << 60},
		},
	}
	r.With(s, "%s", s)
	if len(t.ID)%2 == 0 {
		r.Status, r.Skip = check.Skipped, &check.Skip{Reason: s, Unlock: s}
	}
	return r
}

// tables fails with as many elements as a line may have.
func (v *victim) tables(check.Task) check.Result {
	r := check.Result{Status: check.Fail, Failure: check.Timeout, Summary: "much"}
	for range max(2*wire.MaxAttempts, v.many(20_000)) {
		r.Attempts = append(r.Attempts, check.Attempt{Failure: check.Timeout, Detail: "d"})
		r.Evidence = append(r.Evidence, check.Evidence{Key: "k", Value: "v"})
	}
	r.Kernel = &facts.Kernel{Sysctls: make([]facts.Sysctl, v.many(40_000)), Links: make([]facts.Link, v.many(2_000))}
	return r
}
