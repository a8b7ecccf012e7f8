package wire

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// live is the memory in use after a collection, in bytes.
func live() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestHostileResultsTakeBoundedMemory: a probe that answers each task with as much as
// a line holds does not fill the plugin's memory.
func TestHostileResultsTakeBoundedMemory(t *testing.T) {
	var tasks []check.Task
	for i := range 80 {
		tasks = append(tasks, check.Task{ID: fmt.Sprint(i)})
	}
	a := NewAssembler("s", tasks)
	before := live()
	var held []check.Result
	dropped := 0
	for i := range tasks {
		r := check.Result{TaskID: tasks[i].ID, Status: check.Pass}
		for range MaxAttempts {
			r.Attempts = append(r.Attempts, check.Attempt{Detail: strings.Repeat("x", MaxText)})
		}
		got, ok := a.Add(&Result{Head: Head{Session: "s"}, Seq: i + 1, Result: r})
		if !ok {
			t.Fatal("a result was passed over")
		}
		if got.Status != check.Pass {
			dropped++
			if got.Status != check.Error || got.TaskID != tasks[i].ID || got.Summary == "" || len(got.Attempts) > 0 {
				t.Fatalf("%+v", got)
			}
		}
		held = append(held, got)
	}
	if grown := live() - before; dropped == 0 || grown > MaxHeld+MaxHeld/4 {
		t.Errorf("%d dropped, %d MB held", dropped, grown>>20)
	}
	// A small one still has room after large ones.
	b := NewAssembler("s", tasks[:2])
	b.held = MaxHeld - 1<<20
	huge := check.Result{TaskID: "0", Status: check.Pass, Attempts: make([]check.Attempt, MaxAttempts), Kernel: &facts.Kernel{Links: make([]facts.Link, MaxList)}}
	if r, _ := b.Add(&Result{Head: Head{Session: "s"}, Seq: 1, Result: huge}); r.Status != check.Error {
		t.Errorf("status %s", r.Status)
	}
	if r, _ := b.Add(&Result{Head: Head{Session: "s"}, Seq: 2, Result: check.Result{TaskID: "1", Status: check.Pass}}); r.Status != check.Pass {
		t.Errorf("status %s", r.Status)
	}
	runtime.KeepAlive(held)
}

// TestWhatIsCutOffIsFreed: a bound on the length of a list is one on memory too.
func TestWhatIsCutOffIsFreed(t *testing.T) {
	r := check.Result{Attempts: make([]check.Attempt, 10*MaxAttempts), Evidence: make([]check.Evidence, 10*MaxEvidence), Kernel: &facts.Kernel{Links: make([]facts.Link, 2*MaxList)}}
	Sanitize(&r)
	if cap(r.Attempts) > 2*MaxAttempts || cap(r.Evidence) > 2*MaxEvidence || cap(r.Kernel.Links) > MaxList {
		t.Errorf("kept: %d attempts, %d evidence, %d links", cap(r.Attempts), cap(r.Evidence), cap(r.Kernel.Links))
	}
}

// TestManyElements: a short line can make a long list.
func TestManyElements(t *testing.T) {
	line := `{"v":1,"kind":"result","session":"s","seq":1,"result":{"kernel":{"links":[` + strings.Repeat("0,", MaxCommas) + "0]}}}\n"
	r := NewReader(strings.NewReader(line))
	if _, err := r.Next(); !errors.Is(err, io.EOF) || r.Skipped().Malformed != 1 {
		t.Errorf("%v, %+v", err, r.Skipped())
	}
	// The other side does not send what this one does not take.
	sysctls := make([]facts.Sysctl, MaxCommas+2)
	if _, err := Encode(&Result{Head: Head{Session: "s"}, Result: check.Result{Kernel: &facts.Kernel{Sysctls: sysctls}}}); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
}

// TestALargeNodeFitsInALine: the tables of a node in a cluster of 5,000.
func TestALargeNodeFitsInALine(t *testing.T) {
	k := &facts.Kernel{}
	for i := range 5000 {
		ip := fmt.Sprintf("10.%d.%d.0", 100+i/256, i%256)
		k.Routes = append(k.Routes, facts.Route{Dst: ip + "/24", Gateway: ip, Dev: "flannel.1"})
		k.Neighbours = append(k.Neighbours, facts.Neighbour{IP: ip, Dev: "flannel.1", MAC: "02:42:ac:11:00:02", State: "permanent"})
		k.FDB = append(k.FDB, facts.FDBEntry{MAC: "02:42:ac:11:00:02", Dev: "flannel.1", Dst: ip})
	}
	line, err := Encode(&Result{Head: Head{Session: "s"}, Seq: 1, Result: check.Result{TaskID: "t", Status: check.Pass, Kernel: k}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewReader(strings.NewReader(string(line))).Next(); err != nil {
		t.Error(err)
	}
	t.Logf("%d bytes, %d commas", len(line), strings.Count(string(line), ","))
}
