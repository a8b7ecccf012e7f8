package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/report/printer"
)

// redraw is how often the line changes: often enough to look alive.
const redraw = 100 * time.Millisecond

var frames = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// progress is the one line on stderr that says what a run is doing, while it does
// it. It exists on a terminal only; a nil progress does nothing.
type progress struct {
	w     io.Writer
	width int
	ascii bool
	now   func() time.Time

	mu      sync.Mutex
	stage   string
	since   time.Time // when the stage or the tasks began
	tasks   []check.Task
	waiting map[string]bool // by task ID
	frame   int
	stopped bool
	ticker  *time.Ticker
	done    chan struct{}
}

// startProgress draws until stop is called. It returns nil where nobody looks.
func startProgress(s *seams, ascii bool) *progress {
	width := s.columns(s.ErrOut)
	if width == 0 || s.getenv("TERM") == "dumb" {
		return nil
	}
	p := &progress{w: s.ErrOut, width: width, ascii: ascii, now: s.now, since: s.now(), ticker: time.NewTicker(redraw), done: make(chan struct{})}
	go func() {
		for {
			select {
			case <-p.done:
				return
			case <-p.ticker.C:
				p.draw()
			}
		}
	}()
	return p
}

// say names the stage: "waiting for the probe on w1".
func (p *progress) say(format string, args ...any) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stage, p.since = printer.Escape(fmt.Sprintf(format, args...)), p.now()
}

// plan begins the counting of results.
func (p *progress) plan(tasks []check.Task) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tasks, p.since = tasks, p.now()
	p.waiting = make(map[string]bool, len(tasks))
	for _, t := range tasks {
		p.waiting[t.ID] = true
	}
}

// got counts a result.
func (p *progress) got(task string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, task)
}

func (p *progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.frame++
	// \r and "erase in line" (ECMA-48 8.3.41): the line is drawn over itself.
	fmt.Fprintf(p.w, "\r\x1b[K%s", p.line())
}

// line is the text, cut to less than the terminal's width: a line that wraps cannot
// be drawn over.
func (p *progress) line() string {
	sign, dot := string(frames[p.frame%len(frames)]), " · "
	if p.ascii {
		sign, dot = string(`|/-\`[p.frame%4]), " | "
	}
	parts := []string{p.stage}
	took := p.now().Sub(p.since)
	if p.tasks == nil {
		if took >= time.Second {
			parts = append(parts, report.FormatTime(took))
		}
	} else {
		parts = append(parts, fmt.Sprintf("%d/%d checks", len(p.tasks)-len(p.waiting), len(p.tasks)))
		if text := p.oldest(); text != "" {
			parts = append(parts, fmt.Sprintf("waiting %s: %s", report.FormatTime(took), text))
		}
	}
	text := " " + sign + " " + strings.Join(parts, dot)
	// What is waited for comes last: of a long line it is the part that may go.
	if twwidth.Width(text) >= p.width {
		text = twwidth.Truncate(text, p.width-1)
	}
	return text
}

// oldest names the first task that has no result yet.
func (p *progress) oldest() string {
	for _, t := range p.tasks {
		if p.waiting[t.ID] {
			return printer.Escape(strings.TrimSpace(t.Title + " " + t.Target))
		}
	}
	return ""
}

// stop erases the line. Nothing is drawn afterwards.
func (p *progress) stop() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.stopped = true
	p.ticker.Stop()
	close(p.done)
	fmt.Fprint(p.w, "\r\x1b[K")
}
