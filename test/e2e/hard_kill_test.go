//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	kills     = 50
	killSpan  = 1500 * time.Millisecond // a run's whole length and more
	killsWide = 2                       // runs at a time
	// killSlack is what the kubelet takes to end and report a container, killPatience
	// more than the deadline of a node pod of a run with --deadline 5s.
	killSlack    = 10 * time.Second
	killPatience = 140 * time.Second
)

// podsOf reads pods as objects.
func podsOf(t testing.TB, args ...string) []corev1.Pod {
	t.Helper()
	var list corev1.PodList
	if err := json.Unmarshal([]byte(kubectl(t, append([]string{"get", "pods", "-o", "json"}, args...)...)), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func podOf(t testing.TB, namespace, name string) corev1.Pod {
	t.Helper()
	var pod corev1.Pod
	if err := json.Unmarshal([]byte(kubectl(t, "-n", namespace, "get", "pod", name, "-o", "json")), &pod); err != nil {
		t.Fatal(err)
	}
	return pod
}

var boundFlag = regexp.MustCompile(`^--(lifetime|wait)=(.+)$`)

// shellLast is what a shell's command is left after its lifetime, to end by itself.
const shellLast = 5 * time.Second

// lifetimeOf is how long a probe or a shell may live by its own flags, 0 without a bound.
func lifetimeOf(args []string) time.Duration {
	bounds := map[string]time.Duration{}
	shell := false
	for _, arg := range args {
		if arg == "--" {
			break
		}
		if m := boundFlag.FindStringSubmatch(arg); m != nil {
			d, err := time.ParseDuration(m[2])
			if err != nil { // a shell's are seconds
				shell = true
				d, _ = time.ParseDuration(m[2] + "s")
			}
			bounds[m[1]] = d
		}
	}
	if life := bounds["lifetime"]; shell && life > 0 {
		return bounds["wait"] + life + shellLast // it begins when somebody has attached
	}
	return bounds["lifetime"]
}

// TestHardKill: the plugin is killed at random moments of its runs. What it leaves in
// the cluster is bounded by its own spec, ends by itself, and can be cleaned up.
func TestHardKill(t *testing.T) {
	hard(t)
	needToolbox(t)
	noNodePods(t)
	random := rand.New(rand.NewPCG(hardSeed, 3))
	moments := make(chan struct {
		after time.Duration
		args  []string
	})
	var wait sync.WaitGroup
	var mu sync.Mutex
	killed, ended := 0, 0
	for range killsWide {
		wait.Go(func() {
			for m := range moments {
				cmd, _, _ := start(t, nil, m.args...)
				time.Sleep(m.after) // not a condition: the moment is what is tried
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				mu.Lock()
				if cmd.ProcessState.Exited() {
					ended++
				} else {
					killed++
				}
				mu.Unlock()
			}
		})
	}
	// One that ends by itself before its moment has come is no kill, and is made up for.
	for i := 0; ; i++ {
		mu.Lock()
		done := killed >= kills
		mu.Unlock()
		if done || i > 3*kills {
			break
		}
		commands := [][]string{
			{"node", "w1", "-n", hardNS, "--deadline", "5s"},
			{"pod", "client", "-n", hardNS, "--deep", "--deadline", "5s", "--keep-alive", "1s"},
			{"shell", "node/w1", "-n", hardNS, "--start-timeout", "10s", "--lifetime", "20s", "--", "sleep", "90"},
			{"shell", "pod/client", "-n", hardNS, "--start-timeout", "10s", "--lifetime", "20s", "--", "sleep", "90"},
		}
		args := commands[i%len(commands)]
		moments <- struct {
			after time.Duration
			args  []string
		}{time.Duration(random.Int64N(int64(killSpan))), args}
	}
	close(moments)
	wait.Wait()
	last := time.Now()
	left := podsOf(t, "-A", "-l", "app.kubernetes.io/managed-by=kubectl-netlook")
	t.Logf("%d killed, %d had ended before; %d node pods are left", killed, ended, len(left))
	var problems []string
	if killed < kills {
		problems = append(problems, fmt.Sprintf("only %d kills hit a run", killed))
	}
	if len(left) == 0 {
		problems = append(problems, "no kill left a node pod: this proves nothing")
	}
	for _, pod := range left {
		problems = append(problems, unbounded(pod)...)
	}
	client := podOf(t, hardNS, "client")
	for _, c := range client.Spec.EphemeralContainers {
		if strings.HasPrefix(c.Name, "netlook-") && lifetimeOf(c.Args) == 0 {
			problems = append(problems, fmt.Sprintf("the probe %s has no lifetime: %v", c.Name, c.Args))
		}
	}
	problems = append(problems, allEnd(t, last)...)
	r := netlook(t, "cleanup", "-A")
	if r.code != 0 {
		problems = append(problems, fmt.Sprintf("cleanup -A: status %d: %s", r.code, r.stderr))
	}
	noNodePods(t)
	came := fmt.Sprintf("%d kills, %d node pods left, each ended within its deadline and was cleaned up", killed, len(left))
	survivedAll(t, "plugin killed (SIGKILL) at a random moment of `node`, `pod --deep` and `shell`", killed, came, problems...)
}

// unbounded says what of a node pod has no end.
func unbounded(pod corev1.Pod) (problems []string) {
	deadline := pod.Spec.ActiveDeadlineSeconds
	if deadline == nil || *deadline <= 0 || *deadline > 300 {
		problems = append(problems, fmt.Sprintf("node pod %s has no short deadline: %v", pod.Name, deadline))
	}
	if life := lifetimeOf(pod.Spec.Containers[0].Args); life <= 0 || deadline != nil && life > time.Duration(*deadline)*time.Second {
		problems = append(problems, fmt.Sprintf("the probe in %s lives for %s", pod.Name, life))
	}
	return problems
}

// allEnd waits until no probe runs any more, and says which outlived what it may.
func allEnd(t *testing.T, last time.Time) (problems []string) {
	t.Helper()
	for {
		var running []string
		problems = nil
		longest, ephemeral := time.Duration(0), 0
		for _, pod := range podsOf(t, "-A", "-l", "app.kubernetes.io/managed-by=kubectl-netlook") {
			lives, deadline := lifetimeOf(pod.Spec.Containers[0].Args), time.Duration(*pod.Spec.ActiveDeadlineSeconds)*time.Second
			if end := pod.CreationTimestamp.Add(deadline + killSlack); !ended(pod) {
				running = append(running, pod.Name)
				if time.Now().After(end) {
					problems = append(problems, pod.Name+" outlives its deadline")
				}
				continue
			}
			for _, s := range pod.Status.ContainerStatuses {
				ran, late := outlived(s, lives)
				longest = max(longest, ran)
				problems = append(problems, late...)
			}
		}
		client := podOf(t, hardNS, "client")
		lives := map[string]time.Duration{}
		for _, c := range client.Spec.EphemeralContainers {
			lives[c.Name] = lifetimeOf(c.Args)
		}
		for _, s := range client.Status.EphemeralContainerStatuses {
			if s.State.Terminated == nil {
				running = append(running, "client/"+s.Name)
			}
			ran, late := outlived(s, lives[s.Name])
			longest = max(longest, ran)
			problems = append(problems, late...)
			ephemeral++
		}
		switch {
		case len(running) == 0:
			t.Logf("all probes had ended %s after the last kill, %d of them in the pod; they ran for %s at most", time.Since(last).Round(time.Second), ephemeral, longest)
			return problems
		case len(problems) > 0:
			return problems
		case time.Since(last) > killPatience:
			return append(problems, fmt.Sprintf("%s after the last kill there still run: %v", killPatience, running))
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// outlived is how long a container ran that has ended, and whether it was longer than it
// may.
func outlived(s corev1.ContainerStatus, lives time.Duration) (ran time.Duration, problems []string) {
	end := s.State.Terminated
	if end == nil || end.StartedAt.IsZero() {
		return 0, nil
	}
	if ran = end.FinishedAt.Sub(end.StartedAt.Time); ran > lives+time.Second { // the API's times have whole seconds
		problems = append(problems, fmt.Sprintf("container %s ran for %s, and may for %s", s.Name, ran, lives))
	}
	return ran, problems
}

func ended(pod corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
