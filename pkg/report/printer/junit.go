package printer

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

func init() {
	register(Printer{Name: "junit", Summary: "JUnit XML, a test case a check: for CI systems", Print: printJUnit})
}

// The elements of JUnit's XML that consumers agree on: one suite a report, a case a
// result. Times are in seconds. There is no official schema; this satisfies those of
// Jenkins and of Ant (testdata/junit-xsd), of which the second wants all of a suite's
// parts, in this order, and at most one element in a case.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Package    string          `xml:"package,attr"`
		ID         int             `xml:"id,attr"`
		Host       string          `xml:"hostname,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
		Out        string          `xml:"system-out"`
		Err        string          `xml:"system-err"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		ClassName string      `xml:"classname,attr"`
		Name      string      `xml:"name,attr"`
		Time      string      `xml:"time,attr"`
		Failure   *junitCause `xml:"failure"`
		Error     *junitCause `xml:"error"`
		Skipped   *junitSkip  `xml:"skipped"`
	}
	junitCause struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitSkip struct {
		Message string `xml:"message,attr"`
	}
)

func printJUnit(w io.Writer, r *report.Report, _ Options) error {
	r = escaped(r, false)
	c := r.Summary.Counts
	suite := junitSuite{
		Name: "netlook " + r.Metadata.Target, Package: "netlook", Host: cmp.Or(r.Vantage.Node, "localhost"), Tests: len(r.Results),
		Failures: c.Fail, Errors: c.Error + c.Unknown, Skipped: c.Skipped,
		Time: junitTime(r.Metadata.Duration), Timestamp: r.Metadata.StartedAt.UTC().Format("2006-01-02T15:04:05"),
		Properties: []junitProperty{{"status", string(r.Summary.Status)}, {"headline", r.Summary.Headline}, {"vantage", vantageName(r.Vantage)}},
	}
	var told []string
	for _, f := range r.Verdict.Causes {
		suite.Properties = append(suite.Properties, junitProperty{"cause", f.Code})
		told = append(told, fmt.Sprintf("%s: %s", f.Code, f.Headline))
	}
	for _, f := range r.Verdict.Candidates {
		suite.Properties = append(suite.Properties, junitProperty{"candidate", f.Code})
	}
	for _, n := range r.Notices {
		told = append(told, n.Message)
	}
	for _, line := range changeTexts(r.Changes) {
		suite.Properties = append(suite.Properties, junitProperty{"change", line})
		told = append(told, line)
	}
	for _, res := range r.Results {
		suite.Cases = append(suite.Cases, junitCaseOf(res))
		if res.Status == check.Warn {
			told = append(told, "warning: "+junitCaseOf(res).Name+": "+res.Summary)
		}
	}
	suite.Out = strings.Join(told, "\n")
	text, err := xml.MarshalIndent(junitSuites{Suites: []junitSuite{suite}}, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

func junitCaseOf(r report.Result) junitCase {
	c := junitCase{
		ClassName: "netlook." + r.Area + "." + strings.ReplaceAll(r.Title, ".", "_"),
		Name:      strings.TrimSpace(r.Title + " " + r.Target), Time: junitTime(r.Duration),
	}
	if r.Vantage != "" {
		c.Name += " from " + r.Vantage
	}
	var lines []string
	for _, e := range r.Evidence {
		lines = append(lines, e.Key+": "+e.Value)
	}
	if r.Meaning != "" {
		lines = append(lines, r.Meaning)
	}
	text := strings.Join(lines, "\n")
	switch r.Status {
	case check.Pass, check.Warn: // a warning is in the output of the suite
	case check.Fail:
		c.Failure = &junitCause{Message: r.Summary, Type: string(r.Failure), Text: text}
	case check.Skipped:
		c.Skipped = &junitSkip{Message: r.Summary}
	default:
		c.Error = &junitCause{Message: r.Summary, Type: r.Status.String(), Text: text}
	}
	return c
}

func junitTime(d check.Duration) string {
	return fmt.Sprintf("%.3f", d.D().Round(time.Millisecond).Seconds())
}
