package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// pages are the golden files of the printer: its own tests hold what it prints against
// them, so that they are what it prints.
const pages = "../../pkg/report/printer/testdata"

// shots is where screenshots are left, for people to look at.
const shots = "out"

// chromium starts a browser for a test, and fails where there is none: `make packages`
// installs it.
func chromium(t *testing.T) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.NoSandbox, // CI runs as root, and the pages are our own files
		chromedp.Flag("hide-scrollbars", true),
	)
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium (Debian package chromium; `make packages` installs it): %v", err)
	}
	return ctx
}

// watcher collects what a page must not do.
type watcher struct {
	mu       sync.Mutex
	url      string
	problems []string
}

// listen must stand before the page is loaded.
func (w *watcher) listen(ctx context.Context) error {
	return chromedp.Listen(ctx, func(ev any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch e := ev.(type) {
		case *runtime.EventConsoleAPICalled:
			w.problems = append(w.problems, fmt.Sprintf("console.%s", e.Type))
		case *runtime.EventExceptionThrown:
			w.problems = append(w.problems, "exception: "+e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			w.problems = append(w.problems, "log: "+e.Entry.Text+" "+e.Entry.URL)
		case *network.EventRequestWillBeSent:
			if e.Request.URL != w.url {
				w.problems = append(w.problems, "request: "+e.Request.URL)
			}
		case *page.EventJavascriptDialogOpening:
			w.problems = append(w.problems, "dialog: "+e.Message)
		}
	})
}

// look is one way of looking at a page.
type look struct {
	name   string
	width  int64
	scheme string
	media  string
}

var looks = []look{
	{"light-1280", 1280, "light", "screen"},
	{"light-1200", 1200, "light", "screen"},
	{"dark-1280", 1280, "dark", "screen"},
	{"light-400", 400, "light", "screen"},
	{"dark-400", 400, "dark", "screen"},
	{"print", 794, "light", "print"}, // A4 at 96 dots an inch
}

// open loads a page and returns what is seen, with a screenshot.
func (l look) open(ctx context.Context, w *watcher) (s seen, shot []byte, err error) {
	if err := w.listen(ctx); err != nil {
		return s, nil, err
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		return s, nil, err
	}
	media := emulation.SetEmulatedMediaParams{Media: l.media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		return s, nil, err
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(l.width, 900), chromedp.Navigate(w.url)); err != nil {
		return s, nil, err
	}
	if s, err = chromedp.Run(ctx, chromedp.Evaluate[seen](script)); err != nil {
		return s, nil, err
	}
	shot, err = chromedp.Run(ctx, chromedp.FullScreenshot(100))
	return s, shot, err
}

// seen is what a look at a page finds, as the script below returns it.
type seen struct {
	Title    string
	Text     string
	Overflow float64
	Overrun  []string // elements that stand out of the page, by text
	Elements []string // that no report has
	Broken   []box
	Colors   map[string]string
	Split    []string // addresses of a table that take more than a line
	Open     []bool   // of the details, whether what is in them takes room
}

type box struct {
	X, Y, W, H float64
	Fill       string
	Tag        string
}

const script = `(() => {
  const root = document.documentElement
  const range = document.createRange()
  range.selectNodeContents(document.body)
  const selection = getSelection()
  selection.removeAllRanges()
  selection.addRange(range)
  const text = selection.toString()
  selection.removeAllRanges()
  const style = (e) => getComputedStyle(e)
  return {
    Title: document.title,
    Text: text,
    Overflow: root.scrollWidth - root.clientWidth,
    Overrun: [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll') && e.getBoundingClientRect().right > root.clientWidth + 1)
      .map(e => e.tagName + ' ' + e.textContent.slice(0, 60)),
    Elements: [...document.querySelectorAll('script, img, a, iframe, object, embed, link, form, [onload], [onerror], [style]')].map(e => e.outerHTML.slice(0, 80)),
    Broken: [...document.querySelectorAll('svg.path .mark.broken')].map(e => {
      const b = e.getBoundingClientRect()
      return {X: b.x, Y: b.y, W: b.width, H: b.height, Fill: style(e).fill, Tag: e.tagName}
    }),
    Colors: {text: style(document.body).color, page: style(document.body).backgroundColor},
    Split: [...document.querySelectorAll('td.name code')].filter(e => /^[\[\]0-9a-f.:]+:[0-9]+(\/udp)?$/.test(e.textContent) && new Set([...e.getClientRects()].map(r => r.top)).size > 1)
      .map(e => e.textContent),
    Open: [...document.querySelectorAll('details:not(.raw)')].map(d => d.querySelector('table, dl').getBoundingClientRect().height > 0 &&
      d.getBoundingClientRect().height > d.querySelector('summary').getBoundingClientRect().height + 20),
  }
})()`

func TestPages(t *testing.T) {
	ctx := chromium(t)
	files, err := filepath.Glob(filepath.Join(pages, "*.html"))
	if err != nil || len(files) < 5 {
		t.Fatalf("pages: %v, %v", files, err)
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, extra(t)...) {
		name := strings.TrimSuffix(filepath.Base(file), ".html")
		for _, l := range looks {
			t.Run(name+"/"+l.name, func(t *testing.T) { lookAt(t, ctx, file, name, l) })
		}
	}
}

// extra are pages of real runs to look at as well, from the folder NETLOOK_PAGES.
func extra(t *testing.T) []string {
	folder := os.Getenv("NETLOOK_PAGES")
	if folder == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.html"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages in %s: %v", folder, err)
	}
	return files
}

func lookAt(t *testing.T, parent context.Context, file, name string, l look) {
	ctx, cancel := chromedp.NewContext(parent)
	defer cancel()
	full, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{url: "file://" + full}
	s, shot, err := l.open(ctx, w)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shots, name+"-"+l.name+".png"), shot, 0o644); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, problem := range w.problems {
		t.Error(problem)
	}
	s.judge(t, name, l)
}

// judge holds what was seen against what every page must be like.
func (s seen) judge(t *testing.T, name string, l look) {
	source, _ := os.ReadFile(filepath.Join(pages, name+".html"))
	if s.Overflow > 0 {
		t.Errorf("the page is %g px wider than the window", s.Overflow)
	}
	for _, e := range s.Overrun {
		t.Errorf("stands out of the page: %s", e)
	}
	if l.media == "screen" && l.width >= 1200 {
		for _, e := range s.Split {
			t.Errorf("an address takes more than one line: %s", e)
		}
	}
	for _, e := range s.Elements {
		t.Errorf("an element that no report has: %s", e)
	}
	if strings.Contains(s.Title, "owned") && !strings.Contains(s.Title, "document.title") || s.Title == "" {
		t.Errorf("title %q", s.Title)
	}
	if dark := s.Colors["page"] == "rgb(20, 23, 28)"; dark != (l.scheme == "dark") {
		t.Errorf("page is %s with the scheme %s: is the style applied?", s.Colors["page"], l.scheme)
	}
	if l.media == "print" && slices.Contains(s.Open, false) {
		t.Errorf("details are folded in print: %v", s.Open)
	}
	if strings.Contains(string(source), `class="mark broken"`) && len(s.Broken) == 0 {
		t.Error("the broken hop is not on the page")
	}
	red := map[string]string{"light": "rgb(193, 18, 31)", "dark": "rgb(255, 107, 107)"}[l.scheme]
	for _, b := range s.Broken {
		if b.W < 8 || b.H < 8 || b.X < 0 || b.X+b.W > float64(l.width) || b.Fill != red {
			t.Errorf("the mark at the broken hop: %+v, want %s, inside %d px", b, red, l.width)
		}
	}
	for _, code := range codesOf(string(source)) {
		if !strings.Contains(s.Text, code) {
			t.Errorf("%s cannot be selected", code)
		}
	}
}

// codesOf are the causes that a page names.
func codesOf(source string) []string {
	var codes []string
	for _, part := range strings.Split(source, `<span class="code">`)[1:] {
		code, _, _ := strings.Cut(part, "<")
		codes = append(codes, code)
	}
	return codes
}

// TestSeesWhatIsWrong: a page that does what none may do is caught, or the tests above
// prove nothing.
func TestSeesWhatIsWrong(t *testing.T) {
	ctx, cancel := chromedp.NewContext(chromium(t))
	defer cancel()
	file := filepath.Join(t.TempDir(), "bad.html")
	bad := `<!DOCTYPE html><title>x</title><main>x</main><img src="nowhere.png"><div style="width:3000px">wide</div><script>console.error("oh"); document.title = "owned"</script>`
	if err := os.WriteFile(file, []byte(bad), 0o644); err != nil {
		t.Fatal(err)
	}
	w := &watcher{url: "file://" + file}
	s, _, err := looks[0].open(ctx, w)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	text := strings.Join(w.problems, "\n")
	if !strings.Contains(text, "console.error") || !strings.Contains(text, "request: file://") || s.Overflow <= 0 || len(s.Elements) != 3 || s.Title != "owned" {
		t.Errorf("not all was seen: %s; %+v", text, s)
	}
}
