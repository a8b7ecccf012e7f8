//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

const (
	hardNS = "netlook-hard"
	// dead is an address behind the router that nobody has; the router is told to drop
	// what goes there, so that packets vanish.
	dead = "198.51.100.99:9"
	// hardSeed makes the random moments the same in every run of the tests.
	hardSeed = 20261127
)

var hardSetUp = sync.OnceValue(func() error {
	for _, args := range [][]string{
		{"apply", "-f", filepath.Join("testdata", "hard.yaml")},
		{"-n", hardNS, "wait", "--for=condition=Ready", "pod/client", "pod/other", "--timeout=120s"},
		{"-n", hardNS, "wait", "--for=jsonpath={.status.phase}=Running", "pod/unready", "--timeout=120s"},
	} {
		if err := quietKubectl(args...); err != nil {
			return err
		}
	}
	return nil
})

// hard prepares a test of hard times, which needs the test cluster.
func hard(t *testing.T) {
	t.Helper()
	needBed(t)
	if err := hardSetUp(); err != nil {
		t.Fatal(err)
	}
}

// tasksOf are the tasks that have a result in a report.
func tasksOf(rep report.Report) map[string]check.Status {
	tasks := map[string]check.Status{}
	for _, r := range rep.Results {
		if r.Status != check.Unknown {
			tasks[r.Vantage+" "+r.TaskID] = r.Status
		}
	}
	return tasks
}

// honest judges a run that was disturbed, against the same run undisturbed: it says
// what it came to, and what is wrong with it.
func honest(code int, stdout, stderr string, whole map[string]check.Status, wholeCode int) (came string, problems []string) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	var rep report.Report
	if err := json.Unmarshal([]byte(stdout), &rep); err != nil {
		if code != 2 || strings.TrimSpace(stdout) != "" {
			add("status %d and no report: %q", code, stdout)
		}
		if text := strings.TrimSpace(stderr); !strings.HasPrefix(text, "error: ") || strings.Contains(text, "\n") {
			add("not one clear line: %q", text)
		}
		return "one line, no report", problems
	}
	got := tasksOf(rep)
	var missing []string
	for task := range whole {
		if _, found := got[task]; !found {
			missing = append(missing, task)
		}
	}
	slices.Sort(missing)
	resumed := rep.Probe != nil && rep.Probe.Resumed > 0
	if code != rep.Summary.ExitCode {
		add("status %d, and the report says %d", code, rep.Summary.ExitCode)
	}
	switch {
	case code == report.ExitHealthy && len(missing) > 0:
		add("healthy without %d results: %v", len(missing), missing)
	case code == report.ExitHealthy && wholeCode != report.ExitHealthy:
		add("healthy, and undisturbed it is status %d", wholeCode)
	case code == report.ExitProblems && wholeCode != report.ExitProblems:
		add("a problem that is none: %s\n%s", rep.Summary.Headline, bad(rep))
	case code == report.ExitProblems && len(missing) > 0 && !strings.Contains(rep.Summary.Headline, "not everything"):
		add("%d results are missing, and it does not say so: %s", len(missing), rep.Summary.Headline)
	case code == report.ExitIncomplete && len(rep.Notices) == 0 && rep.Summary.Headline == "":
		add("incomplete, and does not say why")
	}
	switch {
	case len(missing) == 0 && code == wholeCode && resumed:
		came = "complete by resume"
	case len(missing) == 0 && code == wholeCode:
		came = "complete"
	case code == report.ExitIncomplete || len(missing) > 0:
		came = "incomplete, told"
	default:
		came = fmt.Sprintf("status %d", code)
	}
	if len(problems) > 0 {
		problems = append(problems, "notices: "+notices(rep)+"; stderr: "+short(stderr))
	}
	return came, problems
}

func notices(rep report.Report) string {
	var lines []string
	for _, n := range rep.Notices {
		lines = append(lines, string(n.Kind)+": "+n.Message)
	}
	return strings.Join(lines, " | ")
}

// through runs the plugin through a link.
func through(t *testing.T, l *link, args ...string) (code int, stdout, stderr *bytes.Buffer) {
	t.Helper()
	cmd, stdout, stderr := start(t, l.env(t), append(args, "-o", "json")...)
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), stdout, stderr
}

// TestHardCutAtBytes: the way to the API server is cut after a random number of bytes
// of a healthy run, and comes back after a moment.
func TestHardCutAtBytes(t *testing.T) {
	hard(t)
	random := rand.New(rand.NewPCG(hardSeed, 1))
	args := []string{"pod", "client", "-n", hardNS, "--to", "pod/other:8080"}
	plain := newLink(t)
	if code, stdout, stderr := through(t, plain, args...); code != 0 { // and the probe is warm
		t.Fatalf("undisturbed: status %d\n%s\n%s", code, stdout, stderr)
	}
	plain = newLink(t)
	code, stdout, stderr := through(t, plain, args...)
	if code != 0 {
		t.Fatalf("undisturbed: status %d\n%s\n%s", code, stdout, stderr)
	}
	whole := tasksOf(decode(t, stdout.Bytes()))
	total, attached := plain.carried()
	for _, cut := range []struct {
		name   string
		attach bool
		bytes  int
		runs   int
	}{
		{"all connections cut at a random byte of a healthy run, refused for 0-1.5 s", false, total, 10},
		{"the same, at a random byte of its attach", true, attached, 15},
	} {
		really := 0
		for range cut.runs {
			l := newLink(t)
			l.cutAttach, l.cutAt = cut.attach, 1+random.IntN(cut.bytes)
			l.refusing = time.Duration(random.IntN(1500)) * time.Millisecond
			code, stdout, stderr := through(t, l, args...)
			came, problems := honest(code, stdout.String(), stderr.String(), whole, 0)
			if !l.cutHappened() {
				// Over before the cut: nothing was survived, and yet it must be right.
				came = "not cut"
				if len(problems) > 0 {
					t.Errorf("%s: a run that was not cut: %s", cut.name, strings.Join(problems, "; "))
				}
			} else {
				really++
				survived(t, cut.name, came, problems...)
			}
			t.Logf("cut at byte %d of %d, back after %s: status %d, %s; %s", l.cutAt, cut.bytes, l.refusing, code, came, short(stderr.String()))
		}
		if really*2 <= cut.runs {
			t.Errorf("%s: only %d of %d runs were cut: this proves little", cut.name, really, cut.runs)
		}
	}
}

// hole is a rule of the router that drops what goes to the dead address, so that checks
// of it take as long as they may, and counts it, so that it is known when one is at work.
type hole struct{ t *testing.T }

func blackHole(t *testing.T) hole {
	t.Helper()
	router := nodeNS(t, "router")
	router("nft", "add", "table", "inet", "netlook_hole")
	t.Cleanup(func() { router("nft", "delete", "table", "inet", "netlook_hole") })
	router("nft", "add", "chain", "inet", "netlook_hole", "c", "{ type filter hook prerouting priority -300; }")
	router("nft", "add", "rule", "inet", "netlook_hole", "c", "ip", "daddr", strings.TrimSuffix(dead, ":9"), "counter", "drop")
	return hole{t}
}

var packets = regexp.MustCompile(`counter packets (\d+)`)

func (h hole) packets() string {
	h.t.Helper()
	return packets.FindString(onNode(h.t, "router", "nft", "list", "table", "inet", "netlook_hole"))
}

// start starts the plugin with a check of the dead address, and returns when that is at
// work: the session is in its middle.
func (h hole) start(env []string, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	h.t.Helper()
	before := h.packets()
	cmd, stdout, stderr = start(h.t, env, append(args, "--to", dead, "-o", "json")...)
	eventually(h.t, "the checks run", 20*time.Second, func() bool { return h.packets() != before })
	return cmd, stdout, stderr
}

// TestHardCutInTime: while a check still waits for an answer that never comes, the way
// to the cluster breaks, the API server is restarted, or the kubelet is killed.
func TestHardCutInTime(t *testing.T) {
	hard(t)
	hole := blackHole(t)
	random := rand.New(rand.NewPCG(hardSeed, 2))
	args := []string{"pod", "client", "-n", hardNS, "--timeout", "6s", "--deadline", "40s"}
	code, stdout, stderr := through(t, newLink(t), append(args, "--to", dead)...)
	if code != 1 {
		t.Fatalf("undisturbed: status %d\n%s\n%s", code, stdout, stderr)
	}
	whole := tasksOf(decode(t, stdout.Bytes()))
	for _, cut := range []struct {
		name string
		runs int
		// resumes: the session must have gone on over another attach.
		resumes bool
		do      func(l *link)
	}{
		{"all connections reset, refused for 3 s", 2, true, func(l *link) { l.breakFor(3 * time.Second) }},
		{"network silent for 5 s, then it goes on", 1, false, func(l *link) { l.holdFor(5 * time.Second) }},
		{"network silent for 5 s, then every connection is lost", 2, true, func(l *link) {
			l.holdFor(5 * time.Second)
			time.AfterFunc(4900*time.Millisecond, l.cut)
		}},
		{"API server killed, away for 2 s", 2, true, func(*link) {
			testcluster(t, "restart", "--hard", "--pause", "2s", "cp", "kube-apiserver")
		}},
		{"kubelet killed in the middle of the stream, away for 1 s", 2, true, func(*link) {
			testcluster(t, "restart", "--hard", "--pause", "1s", "w1", "kubelet")
		}},
	} {
		for range cut.runs {
			l := newLink(t)
			cmd, stdout, stderr := hole.start(l.env(t), args...)
			time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond) // the moment is random
			cut.do(l)
			_ = cmd.Wait()
			code := cmd.ProcessState.ExitCode()
			came, problems := honest(code, stdout.String(), stderr.String(), whole, 1)
			if cut.resumes && came == "complete" {
				problems = append(problems, "complete without a resume: the cut did not bite, or is not told")
			}
			t.Logf("%s: status %d, %s; %s", cut.name, code, came, short(stderr.String()))
			survived(t, cut.name, came, problems...)
		}
	}
}
