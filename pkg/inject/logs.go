package inject

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/wire"
)

const (
	// logBytes bounds what is read from a log for results.
	logBytes = 64 << 20
	// logSpare is how much earlier than the session's begin the log is read from,
	// for the time that requests take.
	logSpare = 10 * time.Second
	// logWait bounds one reading of it: a log that stalls must not hold up the rest.
	logWait = 20 * time.Second
	// wordsWait bounds the extra requests that make an error clearer.
	wordsWait = 2 * time.Second
)

// readLog hands the frames in the container's log since a time to take. The kubelet
// keeps the log after the container has ended.
func (p *Probe) readLog(ctx context.Context, since time.Time, take func(wire.Frame)) error {
	ctx, cancel := context.WithTimeout(ctx, logWait)
	defer cancel()
	// Relative, so that this machine's clock and the node's need not agree.
	seconds := int64((time.Since(since) + logSpare).Seconds())
	body, err := p.env.logs(ctx, p.place(), corev1.PodLogOptions{SinceSeconds: &seconds, LimitBytes: new(int64(logBytes))})
	if err != nil {
		return fmt.Errorf("read the log of %s in %s: %w", p.Container, p.where(), err)
	}
	defer body.Close()
	reader := wire.NewReader(body)
	for {
		frame, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the log of %s in %s: %w", p.Container, p.where(), err)
		}
		take(frame)
	}
}

// lastWords returns the last line for people in the container's log, "" when there
// is none or the log cannot be read.
func (p *Probe) lastWords(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wordsWait)
	defer cancel()
	body, err := p.env.logs(ctx, p.place(), corev1.PodLogOptions{TailLines: new(int64(10)), LimitBytes: new(int64(16 << 10))})
	if err != nil {
		return ""
	}
	defer body.Close()
	last := ""
	lines := bufio.NewScanner(io.LimitReader(body, 16<<10))
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && line[0] != '{' {
			last = line
		}
	}
	return wire.Clean(last, maxMessage)
}

// ended says how the container has ended, or nil when it has not, as far as can be
// read.
func (p *Probe) ended(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, wordsWait)
	defer cancel()
	pod, err := p.env.client.CoreV1().Pods(p.Namespace).Get(ctx, p.Pod, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return p.gone()
	case err != nil:
		return nil //nolint:nilerr // then nothing is known
	}
	_, _, err = p.observe(pod)
	return err
}
