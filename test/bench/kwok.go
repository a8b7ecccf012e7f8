package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// playing is a kwok that runs.
type playing struct {
	cmd   *exec.Cmd
	out   *bytes.Buffer
	ended chan struct{} // closed when it has ended
}

// play starts kwok's controller against the test cluster: it plays the kubelets of nodes
// that carry its annotation, and leaves all others alone (https://kwok.sigs.k8s.io).
func (b *Bed) play() (*playing, error) {
	cmd := exec.Command(filepath.Join(b.root, "bin", "kwok"),
		"--config", filepath.Join(b.root, "test", "bench", "kwok.yaml"),
		"--kubeconfig", os.Getenv("KUBECONFIG"),
		"--manage-all-nodes=false", "--manage-nodes-with-annotation-selector="+fake+"=fake",
		"--node-lease-duration-seconds=40", "--server-address=")
	// A group of its own: at Ctrl-C the nodes stay alive until they are deleted.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	k := &playing{cmd: cmd, out: &bytes.Buffer{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = k.out, k.out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start kwok (make bin/kwok): %w", err)
	}
	go func() {
		_ = cmd.Wait() // how it ended stands in its output
		close(k.ended)
	}()
	return k, nil
}

// err says that it has ended by itself, and its last words.
func (k *playing) err() error {
	select {
	case <-k.ended:
		return fmt.Errorf("kwok has ended: %s", tail(k.out.String()))
	default:
		return nil
	}
}

// stop ends it.
func (k *playing) stop() error {
	if err := k.err(); err != nil {
		return err
	}
	_ = k.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-k.ended:
	case <-time.After(10 * time.Second):
		_ = k.cmd.Process.Kill()
		<-k.ended
	}
	return nil
}
