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

// redraw is how often the line changes: often enough to look alive. Where it cannot be
// drawn over itself, a line is written every repeatAfter, and for each stage.
const (
	redraw      = 100 * time.Millisecond
	repeatAfter = 5 * time.Second
)

var frames = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// progress is the one line on stderr that says what a run is doing, while it does
// it. It exists on a terminal only; a nil progress does nothing. For those who hear it,
// and on terminals that cannot be drawn over, it is a line of text for each stage.
type progress struct {
	w     io.Writer
	width int
	lines bool // no drawing: lines of text
	now   func() time.Time

	mu      sync.Mutex
	stage   string
	since   time.Time // when the stage or the tasks began
	tasks   []todo
	waiting map[string]bool // by the key of a todo
	frame   int
	stopped bool
	ticker  *time.Ticker
	done    chan struct{}
}

// todo is a task that is waited for, at some vantage point.
type todo struct{ key, text string }

// startProgress draws until stop is called. It returns nil where nobody looks.
func startProgress(s *seams, spoken bool) *progress {
	width := s.columns(s.ErrOut)
	if width == 0 {
		return nil
	}
	p := &progress{w: s.ErrOut, width: width, lines: spoken || s.getenv("TERM") == "dumb", now: s.now, since: s.now(), done: make(chan struct{})}
	every := redraw
	if p.lines {
		every = repeatAfter
	}
	p.ticker = time.NewTicker(every)
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

// say begins a stage: "waiting for the probe on w1". What an earlier one waited for is
// forgotten.
func (p *progress) say(format string, args ...any) { p.begin(true, format, args...) }

// hear says what happens within a stage.
func (p *progress) hear(format string, args ...any) { p.begin(false, format, args...) }

func (p *progress) begin(stage bool, format string, args ...any) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stage, p.since = printer.Escape(fmt.Sprintf(format, args...)), p.now()
	if stage {
		p.tasks, p.waiting = nil, nil
	}
	if p.lines && !p.stopped {
		fmt.Fprintln(p.w, p.stage)
	}
}

// expect begins the counting of the results of tasks, at a vantage point that need not
// have a name where there is one only.
func (p *progress) expect(at string, tasks []check.Task) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == nil {
		p.waiting = make(map[string]bool, len(tasks))
	}
	p.since = p.now()
	for _, t := range tasks {
		key := at + " " + t.ID
		text := strings.TrimSpace(t.Title + " " + t.Target)
		if at != "" {
			text += " from " + at
		}
		p.waiting[key] = true
		p.tasks = append(p.tasks, todo{key, printer.Escape(text)})
	}
}

// got counts a result.
func (p *progress) got(at, task string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, at+" "+task)
}

func (p *progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopped:
	case p.lines:
		fmt.Fprintln(p.w, p.text(", "))
	default:
		p.frame++
		// \r and "erase in line" (ECMA-48 8.3.41): the line is drawn over itself.
		fmt.Fprintf(p.w, "\r\x1b[K%s", p.line())
	}
}

// line is the text behind a sign that moves, cut to less than the terminal's width: a line
// that wraps cannot be drawn over.
func (p *progress) line() string {
	text := " " + string(frames[p.frame%len(frames)]) + " " + p.text(" · ")
	// What is waited for comes last: of a long line it is the part that may go.
	if twwidth.Width(text) >= p.width {
		text = twwidth.Truncate(text, p.width-1)
	}
	return text
}

// text says the stage, how much of it is done, and what is waited for.
func (p *progress) text(dot string) string {
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
	return strings.Join(parts, dot)
}

// oldest names the first task that has no result yet.
func (p *progress) oldest() string {
	for _, t := range p.tasks {
		if p.waiting[t.key] {
			return t.text
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
	if !p.lines {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
