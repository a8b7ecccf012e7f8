// Package hostile is a probe that lies. It opens sessions as the real one does, and
// answers the plan with one attack; nothing that it says may reach a terminal raw, fill
// the plugin's memory, hold it beyond its deadline or pass for "healthy". It may import
// the packages that a probe shares with the plugin, and the standard library.
package hostile

import (
	"bufio"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// Lifetime is how long a hostile probe says that it lives.
const Lifetime = 10 * time.Minute

// Options are what a probe is told by whoever starts it.
type Options struct {
	// Build is what the plugin expects of its probes.
	Build string
	// Part of the volume of attacks that consist of many or of much: 100 for a
	// hundredth. 0 and 1 are all of it.
	Part int
	// Die ends the process.
	Die func()
}

// Names lists the attacks, sorted.
func Names() []string {
	var names []string
	for _, a := range attacks {
		names = append(names, a.name)
	}
	slices.Sort(names)
	return names
}

// Serve carries out an attack on whoever writes to in, until it can neither read nor
// write any more, and reports whether there is one of that name.
func Serve(name string, in io.Reader, out io.Writer, o Options) bool {
	i := slices.IndexFunc(attacks, func(a attack) bool { return a.name == name })
	if i < 0 {
		return false
	}
	defer func() {
		switch r := recover().(type) {
		case nil, gone:
		default:
			panic(r)
		}
	}()
	serve(attacks[i], in, out, o)
	return true
}

// gone ends an attack that nobody hears.
type gone struct{}

// victim is the plugin that is attacked.
type victim struct {
	Options
	out     *bufio.Writer
	session string
	tasks   []check.Task
}

// attack is one way to mislead the plugin. Where it says anything of a task that can be
// read, and that is not what the attack is about, it says "pass": a plugin that believes
// it would call the cluster healthy.
type attack struct {
	name string
	// greet changes the hello; nil leaves it as the real probe has it.
	greet func(*wire.Hello)
	// opened is said after each hello, before there is a plan.
	opened func(*victim)
	// planned is the answer to a whole plan, and to a resume.
	planned func(*victim)
}

// serve answers frames until stdin fails.
func serve(a attack, in io.Reader, out io.Writer, o Options) {
	v := &victim{Options: o, out: bufio.NewWriterSize(out, 64<<10)}
	reader := wire.NewReader(in)
	for {
		frame, err := reader.Next()
		if err != nil {
			return
		}
		switch f := frame.(type) {
		case *wire.Open:
			if f.Session != v.session {
				v.session, v.tasks = f.Session, nil
			}
			hello := &wire.Hello{
				Head: f.Head, Version: "dev", Build: o.Build, Capabilities: []string{},
				Netns: "net:[1]", UID: 65532, Left: check.Duration(Lifetime),
			}
			if a.greet != nil {
				a.greet(hello)
			}
			v.frame(hello)
			if a.opened != nil {
				a.opened(v)
			}
		case *wire.Plan:
			if f.Part == 1 {
				v.tasks = nil
			}
			v.tasks = append(v.tasks, f.Tasks...)
			if f.Part == f.Parts && a.planned != nil {
				a.planned(v)
			}
		case *wire.Resume:
			if a.planned != nil {
				a.planned(v)
			}
		}
		v.flush()
	}
}

func (v *victim) flush() {
	if v.out.Flush() != nil {
		panic(gone{})
	}
}

// many is so many, or the part of it that was asked for.
func (v *victim) many(n int) int { return n / max(1, v.Part) }

// frame says a frame as the real probe would.
func (v *victim) frame(f wire.Frame) {
	line, err := wire.Encode(f)
	if err != nil {
		panic(err) // a mistake of ours
	}
	v.raw(string(line))
}

// raw says anything at all. It ends the attack when nobody can hear it any more.
func (v *victim) raw(text string) {
	if _, err := v.out.WriteString(text); err != nil {
		panic(gone{})
	}
}

// line says a line of JSON that Encode might refuse.
func (v *victim) line(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // a mistake of ours
	}
	v.raw(string(text) + "\n")
}

func (v *victim) head() wire.Head { return wire.Head{V: wire.Version, Session: v.session} }

// result answers one task.
func (v *victim) result(seq int, r check.Result) {
	v.frame(&wire.Result{Head: v.head(), Seq: seq, Result: r})
}

// all answers every task by a function, with the right numbers, and ends.
func (v *victim) all(answer func(check.Task) check.Result) {
	for i, t := range v.tasks {
		r := answer(t)
		r.TaskID = t.ID
		v.result(i+1, r)
	}
	v.end(len(v.tasks))
}

func (v *victim) end(count int) { v.frame(&wire.End{Head: v.head(), Count: count}) }

func pass(check.Task) check.Result { return check.Result{Status: check.Pass, Summary: "all is well"} }
