// Command hostile is a probe that lies. It opens sessions as the real one does, and
// answers the plan with one attack; nothing that it says may reach a terminal raw, fill
// the plugin's memory, hold it beyond its deadline or pass for "healthy". Tests run it in
// pods whose name ends in the attack's: an image and no flags is all that a user of
// --image chooses either.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// lifetime ends the program, whatever happens to it.
const lifetime = 10 * time.Minute

func main() {
	if len(os.Args) > 1 && os.Args[1] == "list" {
		for _, a := range attacks {
			fmt.Println(a.name)
		}
		return
	}
	time.AfterFunc(lifetime, func() { os.Exit(0) })
	host, err := os.Hostname()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	name := strings.TrimPrefix(host, "hostile-")
	i := slices.IndexFunc(attacks, func(a attack) bool { return a.name == name })
	if i < 0 {
		fmt.Fprintf(os.Stderr, "error: %q is no attack\n", name)
		os.Exit(1)
	}
	serve(attacks[i], os.Stdin, os.Stdout)
}

// victim is the plugin that is attacked.
type victim struct {
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

// serve answers frames until stdin fails. It does not leave when stdin ends: another
// attach may come.
func serve(a attack, in io.Reader, out io.Writer) {
	v := &victim{out: bufio.NewWriterSize(out, 64<<10)}
	reader := wire.NewReader(forever{in})
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
				Head: f.Head, Version: "dev", Build: os.Getenv("NETLOOK_BUILD"), Capabilities: []string{},
				Netns: "net:[1]", UID: 65532, Left: check.Duration(lifetime),
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
		if v.out.Flush() != nil {
			return
		}
	}
}

// forever is a reader to which the end of a stream is none.
type forever struct{ r io.Reader }

func (f forever) Read(p []byte) (int, error) {
	for {
		n, err := f.r.Read(p)
		if n > 0 || err != nil && err != io.EOF {
			return n, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// frame says a frame as the real probe would.
func (v *victim) frame(f wire.Frame) {
	line, err := wire.Encode(f)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return
	}
	v.raw(string(line))
}

// raw says anything at all. It ends the program when nobody can hear it any more.
func (v *victim) raw(text string) {
	if _, err := v.out.WriteString(text); err != nil {
		os.Exit(0)
	}
}

// line says a line of JSON that Encode might refuse.
func (v *victim) line(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return
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
