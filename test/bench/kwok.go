package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Kwok starts kwok's controller against the test cluster: it plays the kubelets of nodes
// that carry its annotation, and leaves all others alone (https://kwok.sigs.k8s.io).
func (b *Bed) Kwok(ctx context.Context) (stop func() error, err error) {
	//nolint:gosec // our own build
	cmd := exec.CommandContext(ctx, filepath.Join(b.root, "bin", "kwok"),
		"--kubeconfig", os.Getenv("KUBECONFIG"),
		"--manage-all-nodes=false", "--manage-nodes-with-annotation-selector="+fake+"=fake",
		"--node-lease-duration-seconds=40", "--server-address=")
	// A group of its own: at Ctrl-C the nodes stay alive until they are deleted.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start kwok (make bin/kwok): %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return func() error {
		select {
		case err := <-ended:
			return fmt.Errorf("kwok ended by itself: %w: %s", err, tail(out.String()))
		default:
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended // a signal ended it: no error of ours
		return nil
	}, nil
}
