package inject

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/version"
)

func TestShellSpec(t *testing.T) {
	tests := []struct {
		name string
		o    ShellOptions
		args []string
		tty  bool
		once bool
		env  []corev1.EnvVar
	}{
		{
			name: "a shell on a terminal", o: ShellOptions{TTY: true, Term: "xterm-256color"}, tty: true,
			args: []string{"--wait=61", "--lifetime=3600", "--"},
			env:  []corev1.EnvVar{{Name: envWhere, Value: "pod/shop/web-0"}, {Name: "TERM", Value: "xterm-256color"}},
		},
		{
			name: "a script", o: ShellOptions{Stdin: true, Options: Options{Timeout: 5 * time.Second, Lifetime: time.Minute}}, once: true,
			args: []string{"--wait=6", "--lifetime=60", "--"},
			env:  []corev1.EnvVar{{Name: envWhere, Value: "pod/shop/web-0"}},
		},
		{
			name: "a command, whose words stay as they are", o: ShellOptions{Command: []string{"sh", "-c", "echo $(id) $HOME $$"}, Term: "xterm"}, once: true,
			args: []string{"--wait=61", "--lifetime=3600", "--lifeline", "--", "sh", "-c", "echo $$(id) $$HOME $$$$"},
			env:  []corev1.EnvVar{{Name: envWhere, Value: "pod/shop/web-0"}},
		},
		{
			name: "a TERM that is something else", o: ShellOptions{TTY: true, Term: "x;reboot"}, tty: true,
			args: []string{"--wait=61", "--lifetime=3600", "--"},
			env:  []corev1.EnvVar{{Name: envWhere, Value: "pod/shop/web-0"}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o, err := test.o.complete(Restricted)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ShellEphemeralContainer(testPod(), o)
			if err != nil {
				t.Fatal(err)
			}
			want := &corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
				Image: version.ToolboxImage, Args: test.args, Env: test.env, Stdin: true, StdinOnce: test.once, TTY: test.tty,
				SecurityContext: profile{}.securityContext(),
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestShellNodePod(t *testing.T) {
	o, err := ShellOptions{TTY: true, Options: Options{Profile: NetAdmin, PullSecrets: []string{"mirror"}}}.complete(NodeBasic)
	if err != nil {
		t.Fatal(err)
	}
	pod, err := ShellNodePod("tools", "w1", o)
	if err != nil {
		t.Fatal(err)
	}
	c := pod.Spec.Containers[0]
	if !pod.Spec.HostNetwork || *pod.Spec.ActiveDeadlineSeconds != 60+3600+60 || pod.Spec.ImagePullSecrets[0].Name != "mirror" {
		t.Errorf("pod %+v", pod.Spec)
	}
	if pod.Labels[managedByLabel] != managedBy {
		t.Error("cleanup would not find it")
	}
	if *c.SecurityContext.Privileged || !c.TTY || c.Image != version.ToolboxImage || c.Env[0].Value != "node/w1" ||
		!cmp.Equal(c.SecurityContext.Capabilities.Add, []corev1.Capability{"NET_RAW", "NET_ADMIN"}) {
		t.Errorf("container %+v", c)
	}
}

func TestImageByDigest(t *testing.T) {
	const digest = "registry.example/tools/netlook@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, good := range []string{digest, "registry.example/netlook:v1@sha256:" + strings.Repeat("a", 64)} {
		o, err := Options{Image: good}.complete(Restricted)
		if err != nil || o.Image != good {
			t.Errorf("%s: %v", good, err)
		}
	}
	if _, err := (Options{Image: digest + "0"}).complete(Restricted); !errors.Is(err, ErrImage) {
		t.Errorf("a digest that is too long: %v", err)
	}
}

// toolboxes gives the world an attach to a shell that begins with the gate's line, and
// then answers each line until one says exit.
func (w *world) toolbox(t *testing.T, delay time.Duration, status int32, ended chan<- string) env {
	e := w.env()
	began := time.Now()
	e.attach = func(ctx context.Context, at place, s streams) error {
		if time.Since(began) < delay {
			return errors.New("container not found")
		}
		w.report(at, runningState())
		defer w.report(at, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: status}})
		lines := make(chan string)
		go func() {
			defer close(lines)
			for scan := bufio.NewScanner(s.stdin); scan.Scan(); {
				lines <- scan.Text()
			}
		}()
		if first := <-lines; first != "" {
			t.Errorf("the first line is %q", first)
		}
		for {
			select {
			case line, more := <-lines:
				if !more || line == "exit" {
					ended <- "exit"
					return nil
				}
				_, _ = io.WriteString(s.stdout, "did "+line+"\n")
			case <-ctx.Done():
				ended <- "cut"
				return ctx.Err()
			}
		}
	}
	return e
}

// report is setState for whichever pod the container is in.
func (w *world) report(at place, state corev1.ContainerState) {
	pods := w.client.CoreV1().Pods(at.namespace)
	pod, err := pods.Get(context.Background(), at.pod, metav1.GetOptions{})
	if err != nil {
		return // a node pod that was deleted
	}
	status := []corev1.ContainerStatus{{Name: at.container, State: state}}
	if at.container == shellContainer {
		pod.Status.ContainerStatuses = status
	} else {
		pod.Status.EphemeralContainerStatuses = status
	}
	_, _ = pods.UpdateStatus(context.Background(), pod, metav1.UpdateOptions{})
}

func TestShellInPod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testPod())
		var out bytes.Buffer
		ended := make(chan string, 1)
		end, err := shellInPod(t.Context(), w.toolbox(t, 700*time.Millisecond, 3, ended), testPod(), ShellOptions{
			Options: Options{Events: func(e Event) { w.events = append(w.events, e.Kind) }},
			Stdin:   true, In: strings.NewReader("ip addr\nexit\n"), Out: &out, ErrOut: io.Discard,
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ShellEnd{Status: 3, Namespace: "shop", Pod: "web-0", Container: "netlook-shell-abcde"}, end); diff != "" {
			t.Error(diff)
		}
		if out.String() != "did ip addr\n" {
			t.Errorf("out %q", out.String())
		}
		time.Sleep(time.Hour)
	})
}

// TestShellInterrupted: the shell hears that it is over, and a node's pod is gone.
func TestShellInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testPod())
		ended := make(chan string, 1)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		never, write := io.Pipe()
		defer write.Close()
		began := time.Now()
		_, err := shellOnNode(ctx, w.toolbox(t, 0, 0, ended), "tools", testNode(), ShellOptions{
			Stdin: true, In: never, Out: io.Discard, ErrOut: io.Discard,
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("took %s", took)
		}
		if how := <-ended; how != "exit" {
			t.Errorf("the shell did not hear it: %s", how)
		}
		if diff := cmp.Diff([]string{"web-0"}, w.podNames()); diff != "" {
			t.Error(diff)
		}
		write.Close()
		time.Sleep(time.Hour)
	})
}

// TestShellDoesNotStart: an image that cannot be had ends it at once, with what the
// user can do about the credentials.
func TestShellDoesNotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pod := testPod()
		pod.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "regcred"}}
		w := newWorld(t, pod)
		e := w.env()
		e.attach = func(context.Context, place, streams) error { return errors.New("container not found") }
		time.AfterFunc(time.Second, func() {
			w.report(place{"shop", "web-0", "netlook-shell-abcde"}, waitingState("ErrImagePull", "401 Unauthorized"))
		})
		_, err := shellInPod(t.Context(), e, pod, ShellOptions{In: strings.NewReader(""), Out: io.Discard, ErrOut: io.Discard})
		if !errors.Is(err, ErrImage) {
			t.Fatalf("error %v", err)
		}
		for _, word := range []string{version.ToolboxImage, "401 Unauthorized", "(it has regcred)", "patch serviceaccount default", "--image"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("does not say %q: %v", word, err)
			}
		}
		time.Sleep(time.Hour)
	})
}

// TestShellInput: the line that the entry waits for comes first, and a shell on a
// terminal hears Ctrl-C, then Ctrl-D apart from it.
func TestShellInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		typed, user := io.Pipe()
		begun := 0
		in := newShellInput(typed, true, func() { begun++ })
		dead := in.attempt()
		_, _ = dead.Read(make([]byte, 1)) // the line, and then nothing was heard
		a := in.attempt()
		dead.confirm() // too late
		if in.taken() {
			t.Error("taken before anything was heard")
		}
		began := time.Now()
		var got []string
		time.AfterFunc(time.Second, func() { _, _ = user.Write([]byte("ls\n")) })
		time.AfterFunc(2*time.Second, func() { in.bye(true) })
		for buffer := make([]byte, 10); ; {
			n, err := a.Read(buffer)
			if n == 1 && buffer[0] == '\n' {
				_, _ = a.output(io.Discard).Write([]byte("$ "))
			}
			if n > 0 {
				got = append(got, fmt.Sprintf("%q after %s", buffer[:n], time.Since(began)))
			}
			if err != nil {
				break
			}
		}
		want := []string{`"\n" after 0s`, `"ls\n" after 1s`, `"\x03" after 2s`, `"\x04" after 2.2s`}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if begun != 1 || !in.taken() {
			t.Errorf("begun %d times", begun)
		}
		in.close()
		user.Close()
	})
}
