//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var loadToolbox = sync.OnceValue(func() error {
	file := filepath.Join(cluster.root, "bin", "toolbox.tar")
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("no toolbox image (make toolbox): %w", err)
	}
	return loadImage(file)
})

// needToolbox puts the toolbox's image on the nodes. On a cluster of the user's own it
// must come from a registry.
func needToolbox(t *testing.T) {
	t.Helper()
	if !cluster.bed {
		if os.Getenv("NETLOOK_TOOLBOX_IMAGE") == "" {
			t.Skip("needs the toolbox's image: put it where the nodes can pull it, and name it in NETLOOK_TOOLBOX_IMAGE")
		}
		return
	}
	if err := loadToolbox(); err != nil {
		t.Fatal(err)
	}
}

// shell runs `kubectl netlook shell` and returns the container's name, too.
func shell(t *testing.T, args ...string) (run, string) {
	t.Helper()
	needToolbox(t)
	r := netlook(t, append([]string{"shell"}, args...)...)
	return r, shellName.FindString(r.stderr)
}

var shellName = regexp.MustCompile(`netlook-shell-[a-z0-9]+`)

// shellEnds asserts that the container of a shell ends by itself.
func shellEnds(t *testing.T, pod, container string) {
	t.Helper()
	eventually(t, container+" has ended", 20*time.Second, func() bool {
		return strings.Contains(kubectl(t, "-n", namespace, "get", "pod", pod, "-o",
			`jsonpath={.status.ephemeralContainerStatuses[?(@.name=="`+container+`")].state}`), "terminated")
	})
}

// TestShellCommand: a command runs in the pod's network, its words arrive as they were
// typed, its status comes back, and the user hears what remains.
func TestShellCommand(t *testing.T) {
	ip := kubectl(t, "-n", namespace, "get", "pod", "client", "-o", "jsonpath={.status.podIP}")
	r, name := shell(t, "client", "-n", namespace, "--", "sh", "-c", `ip -o addr show eth0; echo "$(echo a b)" '$(NETLOOK_WHERE)' $$; exit 7`)
	if r.code != 7 || !strings.Contains(r.stdout, "inet "+ip+"/") || !strings.Contains(r.stdout, "a b $(NETLOOK_WHERE) ") {
		t.Errorf("status %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if name == "" || !strings.Contains(r.stderr, "stays in the list of containers of pod "+namespace+"/client") {
		t.Errorf("does not say what remains: %s", r.stderr)
	}
	shellEnds(t, "client", name)

	t.Run("that is not there", func(t *testing.T) {
		if r, _ := shell(t, "pod/client", "-n", namespace, "--", "nosuchtool"); r.code != 127 || !strings.Contains(r.stderr, "nosuchtool") {
			t.Errorf("status %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	})
	t.Run("that nobody ends", func(t *testing.T) {
		if r, _ := shell(t, "client", "-n", namespace, "--lifetime", "2s", "--", "sleep", "60"); r.code != 124 || !strings.Contains(r.stderr, "--lifetime 2s") {
			t.Errorf("status %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	})
}

// TestShellStdin: without a terminal a shell reads what is piped into it, and a command
// does with -i.
func TestShellStdin(t *testing.T) {
	needToolbox(t)
	piped := func(text string, args ...string) run {
		return program(t, nil, "bash", append([]string{"-c", `printf "$0" | kubectl netlook shell client -n ` + namespace + ` "$@"`, text}, args...)...)
	}
	if r := piped(`echo 2*3 is $((2*3))\nexit 6\n`); r.code != 6 || !strings.Contains(r.stdout, "2*3 is 6\n") {
		t.Errorf("a script: status %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := piped(`one\ntwo\n`, "-i", "--", "wc", "-l"); r.code != 0 || r.stdout != "2\n" {
		t.Errorf("with -i: status %d, stdout %q\n%s", r.code, r.stdout, r.stderr)
	}
	if r := piped(`one\ntwo\n`, "--", "wc", "-l"); r.code != 0 || r.stdout != "0\n" {
		t.Errorf("without -i: status %d, stdout %q\n%s", r.code, r.stdout, r.stderr)
	}
}

// TestShellProfiles: the default satisfies Pod Security restricted and holds nothing;
// netraw sees packets, and is refused where the namespace forbids it.
func TestShellProfiles(t *testing.T) {
	r, _ := shell(t, "strict", "-n", restricted, "--", "tools")
	if r.code != 0 || !strings.Contains(r.stdout, "capabilities held: none; user 65532; writable: /dev/shm") {
		t.Errorf("status %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	const capture = `(while ping -c 1 -W 1 127.0.0.1; do sleep 0.2; done) >/dev/null & timeout 20 tcpdump -ni lo -c 1 icmp`
	r, _ = shell(t, "client", "-n", namespace, "--profile", "netraw", "--", "sh", "-c", capture)
	if r.code != 0 || !strings.Contains(r.stdout, "127.0.0.1 > 127.0.0.1: ICMP echo request") {
		t.Errorf("status %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r, _ = shell(t, "strict", "-n", restricted, "--profile", "netraw", "--", "true")
	if r.code != 2 || !strings.Contains(r.stderr, "restricted") {
		t.Errorf("status %d\n%s", r.code, r.stderr)
	}
	oneErrorLine(t, r.stderr)
}

// TestShellTools: each tool that the toolbox promises starts there.
func TestShellTools(t *testing.T) {
	const each = `for c in ip ss bridge tc ethtool netstat sysctl ps dig host nslookup curl openssl nc socat telnet iperf3 ` +
		`tracepath traceroute ping tcpdump mtr arping ndisc6 rdisc6 nft iptables ip6tables conntrack ipset ipvsadm jq grep sed awk less netlook-probe; do ` +
		`$c --help >/dev/null 2>/tmp/e </dev/null || case $? in 126|127) echo "$c does not start";; esac; command -v $c >/dev/null || echo "no $c"; done 2>&1; ` +
		`curl -sS -o /dev/null --max-time 5 telnet://127.0.0.1:1; netlook-probe --version`
	r, _ := shell(t, "client", "-n", namespace, "--", "bash", "-c", strings.ReplaceAll(each, "/tmp/e", "/dev/shm/e"))
	if r.code != 0 || strings.Contains(r.stdout, "does not start") || strings.Contains(r.stdout, "no ") {
		t.Errorf("status %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// TestShellNode: on a node's network, from a pod that is gone afterwards.
func TestShellNode(t *testing.T) {
	noNodePods(t)
	node := kubectl(t, "-n", namespace, "get", "pod", "client", "-o", "jsonpath={.spec.nodeName}")
	ip := kubectl(t, "get", "node", node, "-o", `jsonpath={.status.addresses[?(@.type=="InternalIP")].address}`)
	r, _ := shell(t, "node/"+node, "-n", namespace, "--", "sh", "-c", "ip -br addr; touch $TMPDIR/x && echo wrote $TMPDIR; exit 3")
	if r.code != 3 || !strings.Contains(r.stdout, strings.Fields(ip)[0]+"/") || !strings.Contains(r.stdout, "wrote /tmp\n") || !strings.Contains(r.stderr, "removed") {
		t.Errorf("status %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if left := nodePods(t); left != "" {
		t.Errorf("left: %s", left)
	}
}

// TestShellInterrupt: whoever is interrupted leaves no node pod, and in a pod nothing
// that still runs.
func TestShellInterrupt(t *testing.T) {
	needToolbox(t)
	noNodePods(t)
	node := kubectl(t, "-n", namespace, "get", "pod", "client", "-o", "jsonpath={.spec.nodeName}")
	for _, tt := range []struct {
		place string
		sig   syscall.Signal
	}{{"node/" + node, syscall.SIGINT}, {"node/" + node, syscall.SIGHUP}, {"client", syscall.SIGTERM}} {
		t.Run(tt.place+" "+tt.sig.String(), func(t *testing.T) {
			before := ephemeralContainers(t, namespace, "client")
			cmd, stdout, stderr := start(t, nil, "shell", tt.place, "-n", namespace, "--", "sh", "-c", "echo begun; sleep 300")
			eventually(t, "the command runs", 30*time.Second, func() bool { return strings.Contains(stdout.String(), "begun") })
			if err := cmd.Process.Signal(tt.sig); err != nil {
				t.Fatal(err)
			}
			since := time.Now()
			_ = cmd.Wait()
			if took, code := time.Since(since), cmd.ProcessState.ExitCode(); took > 5*time.Second || code != 2 {
				t.Errorf("status %d after %s\n%s", code, took, stderr.String())
			}
			noNodePods(t)
			if after := ephemeralContainers(t, namespace, "client"); after != before {
				shellEnds(t, "client", shellName.FindString(stderr.String()))
			}
		})
	}
}

// TestShellNoRight: a user who may only look gets one line with the role, and nothing
// is put anywhere.
func TestShellNoRight(t *testing.T) {
	needBed(t)
	kubectlApply(t, strings.ReplaceAll(viewer, "jane", "joan"))
	joan := testcluster(t, "user", "joan")
	before := ephemeralContainers(t, namespace, "client")
	r := program(t, []string{"KUBECONFIG=" + joan}, "kubectl", "netlook", "shell", "client", "-n", namespace, "--", "true")
	if r.code != 2 || r.stdout != "" || !strings.Contains(r.stderr, "joan") || !strings.Contains(r.stderr, "kubectl netlook rbac --for pod -n "+namespace) {
		t.Errorf("status %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	oneErrorLine(t, r.stderr)
	if after := ephemeralContainers(t, namespace, "client"); after != before {
		t.Errorf("a user without rights left containers: %s, before %s", after, before)
	}
}

// TestShellImage: an image that cannot be had is one error, and no pod is left of it.
func TestShellImage(t *testing.T) {
	node := kubectl(t, "-n", namespace, "get", "pod", "client", "-o", "jsonpath={.spec.nodeName}")
	r := netlook(t, "shell", "node/"+node, "-n", namespace, "--image", "127.0.0.1:1/netlook/none:v1", "--", "true")
	if r.code != 2 || !strings.Contains(r.stderr, "127.0.0.1:1/netlook/none:v1 cannot be pulled") || !strings.Contains(r.stderr, "--image") {
		t.Errorf("status %d\n%s", r.code, r.stderr)
	}
	noNodePods(t)
}
