package printer_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/report/printer"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	// Widths must not depend on the locale of whoever runs the tests.
	twwidth.SetEastAsian(false)
	flag.Parse()
	os.Exit(m.Run())
}

var cases = map[string]func() report.Input{
	"healthy": sample, "failing": failing, "diagnosed": diagnosed, "incomplete": incomplete, "api-only": apiOnly, "hostile": hostile,
	"walked": walked, "walked-well": walkedWell, "deep": deep,
}

// reports are those of the cases, and one that says what changed.
func reports() map[string]*report.Report {
	all := map[string]*report.Report{}
	for name, in := range cases {
		all[name] = report.New(in())
	}
	all["changed"] = changed()
	return all
}

// changed is diagnosed, held against a day before, when all was well but the time that an
// upstream took, and another pod was looked from.
func changed() *report.Report {
	in := sample()
	in.Started = in.Started.Add(-24 * time.Hour)
	in.Vantage.Pod.Name = "checkout-5c6b"
	for i := range in.Results {
		in.Results[i].Vantage = in.Vantage.String()
	}
	find(&in, "dns.cluster 10.96.0.10 tcp").Status = check.Fail
	in.Verdict.Causes = []diagnose.Finding{{Code: "NL-DNS-TCP", Headline: "no DNS over TCP", Confidence: diagnose.Likely}}
	later := diagnosed()
	find(&later, "api.vip").Attempts = answers(3, 90)
	now := report.New(later)
	changes := report.Compare(report.New(in), now)
	now.Changes = &changes
	return now
}

func render(t *testing.T, name string, in report.Input, o printer.Options) string {
	t.Helper()
	return show(t, name, report.New(in), o)
}

func show(t *testing.T, name string, r *report.Report, o printer.Options) string {
	t.Helper()
	p, err := printer.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := p.Print(&out, r, o); err != nil {
		t.Fatalf("print: %v", err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	for name, r := range reports() {
		for _, p := range printer.List() {
			t.Run(name+"/"+p.Name, func(t *testing.T) {
				got := show(t, p.Name, r, printer.Options{Width: 80})
				path := filepath.Join("testdata", name+"."+p.Name)
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("differs from %s (-want +got; -update rewrites):\n%s", path, diff)
				}
			})
		}
	}
}

func TestTextFitsAndIsClean(t *testing.T) {
	for name, r := range reports() {
		for _, format := range []string{"table", "plain", "wide"} {
			t.Run(name+"/"+format, func(t *testing.T) {
				out := show(t, format, r, printer.Options{Width: 80})
				if !utf8.ValidString(out) {
					t.Error("broken UTF-8")
				}
				for _, r := range out {
					if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
						t.Fatalf("%q reaches the terminal:\n%q", r, out)
					}
					if format == "plain" && r > unicode.MaxASCII {
						t.Fatalf("%q in plain output", r)
					}
				}
				if format == "wide" {
					return
				}
				for _, width := range []int{30, 40, 60, 80, 120} {
					out := show(t, format, r, printer.Options{Width: width})
					for line := range strings.Lines(out) {
						line = strings.TrimRight(line, "\n")
						if w := twwidth.Width(line); w > width && !unbreakable(line, width) {
							t.Errorf("%d columns of %d: %s", w, width, line)
						}
					}
				}
			})
		}
	}
}

// unbreakable are lines that no width can hold: a command, which is to be copied, and a
// word that leaves no room for another, which may be an address.
func unbreakable(line string, width int) bool {
	return strings.Contains(line, "kubectl ") ||
		slices.ContainsFunc(strings.Fields(line), func(word string) bool { return twwidth.Width(word) > width-10 })
}

func TestColorOnlyWhenAsked(t *testing.T) {
	colored := render(t, "table", failing(), printer.Options{Width: 80, Color: true})
	if !strings.Contains(colored, "\x1b[31m") {
		t.Error("no red in a coloured failing report")
	}
	if out := render(t, "plain", failing(), printer.Options{Width: 80, Color: true}); strings.Contains(out, "\x1b") {
		t.Error("plain output is coloured")
	}
	// Colours must not move columns.
	for name, r := range reports() {
		for _, width := range []int{40, 80, 0} {
			bare := show(t, "table", r, printer.Options{Width: width, Color: true})
			for _, seq := range []string{"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"} {
				bare = strings.ReplaceAll(bare, seq, "")
			}
			if diff := cmp.Diff(show(t, "table", r, printer.Options{Width: width}), bare); diff != "" {
				t.Errorf("%s, %d columns: colour changes the text:\n%s", name, width, diff)
			}
		}
	}
}

func TestAddressesStayWhole(t *testing.T) {
	for _, width := range []int{40, 60, 80, 0} {
		out := render(t, "table", failing(), printer.Options{Width: width})
		for _, addr := range []string{"[fd00:10:244:2::1a2b:3c4d]:8080", "10.244.2.7:8080", "10.96.40.2:80"} {
			if !strings.Contains(out, addr) {
				t.Errorf("width %d: %s is not whole in\n%s", width, addr, out)
			}
		}
	}
}

func TestDocumentsReadBack(t *testing.T) {
	for name, in := range cases {
		t.Run(name, func(t *testing.T) {
			want := report.New(in())
			var fromJSON, fromYAML report.Report
			if err := json.Unmarshal([]byte(render(t, "json", in(), printer.Options{})), &fromJSON); err != nil {
				t.Fatal(err)
			}
			if err := yaml.UnmarshalStrict([]byte(render(t, "yaml", in(), printer.Options{})), &fromYAML); err != nil {
				t.Fatal(err)
			}
			// Broken UTF-8 cannot be carried by JSON: it comes back as it is printed.
			if diff := cmp.Diff(want, &fromJSON, cmpOptions...); diff != "" && name != "hostile" {
				t.Errorf("json:\n%s", diff)
			}
			if diff := cmp.Diff(&fromJSON, &fromYAML, cmpOptions...); diff != "" {
				t.Errorf("yaml differs from json:\n%s", diff)
			}
		})
	}
}

func TestGetNamesTheFormats(t *testing.T) {
	_, err := printer.Get("xml")
	if err == nil || !strings.Contains(err.Error(), "html, json, junit, markdown, plain, table, wide, yaml") {
		t.Errorf("error: %v", err)
	}
}

// TestWalkIsShort: what is well is left to -o wide, and what leads to trouble is not.
func TestWalkIsShort(t *testing.T) {
	in := walked()
	for i, r := range in.Results {
		if r.Check == "dns.trace" && r.Subject != "" {
			in.Results[i].Status, in.Results[i].Failure = check.Fail, check.NXDomain
		}
	}
	for i := range 30 {
		e := in.Service.Endpoints[2] // not ready
		e.Addr = netip.AddrFrom4([4]byte{10, 244, 9, byte(i)})
		in.Service.Endpoints = append(in.Service.Endpoints, e)
	}
	table, wide := render(t, "table", in, printer.Options{Width: 80}), render(t, "wide", in, printer.Options{Width: 80})
	if !strings.Contains(table, "query 2") {
		t.Errorf("the queries of a lookup that failed are missing:\n%s", table)
	}
	if got := strings.Count(table, "! 10.244.9."); got > 8 || got == 0 {
		t.Errorf("%d endpoints in trouble are listed", got)
	}
	if strings.Contains(table, "✓ http 80/TCP") || !strings.Contains(wide, "✓ http 80/TCP") {
		t.Error("what is well belongs to -o wide, and there only")
	}
	if !strings.Contains(table, "\n  -o wide has ") || strings.Contains(wide, "\n  -o wide has ") {
		t.Error("the table says what it leaves out")
	}
}
