package printer_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/report/printer"
)

// known are the elements that a page is made of; nothing else may be in it, whatever a
// report holds, and none of them may have an attribute that runs or loads anything.
var known = strings.Fields(`html head meta title style body header main section article div p h1 h2 h3 dl dt dd ul ol li code pre span strong br
	table caption thead tbody tr th td details summary wbr time figure figcaption svg desc g rect path line circle text`)

// TestPageIsInert reads each page back as a browser would.
func TestPageIsInert(t *testing.T) {
	for name, r := range reports() {
		page := show(t, "html", r, printer.Options{})
		doc, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ids := map[string]bool{}
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if !strings.Contains(" "+strings.Join(known, " ")+" ", " "+n.Data+" ") {
				t.Errorf("%s: element %s", name, n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "href" || a.Key == "src" {
					t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
				}
				if a.Key == "id" && ids[a.Val] {
					t.Errorf("%s: id %s is there twice", name, a.Val)
				}
				ids[a.Val] = ids[a.Val] || a.Key == "id"
			}
		}
		if !strings.Contains(page, "default-src &#39;none&#39;") && !strings.Contains(page, "default-src 'none'") {
			t.Errorf("%s: no policy", name)
		}
	}
}

// TestPageOfManyEndpoints: a page of a thousand endpoints is bounded, and has what fails.
func TestPageOfManyEndpoints(t *testing.T) {
	in := deep()
	good := *find(&in, "service.endpoint 10.244.1.9")
	for i := range 1000 {
		r := good
		r.Target = fmt.Sprintf("10.9.%d.%d:8080", i/250, i%250)
		r.TaskID, r.Object = "service.endpoint "+r.Target, fmt.Sprintf("pod/shop/payments-%d", i)
		r.Kernel = &facts.Kernel{Listeners: []string{strings.Repeat("x", 2000)}}
		if i == 900 {
			r.Status, r.Failure, r.Attempts = check.Fail, check.Refused, losses(3, check.Refused, 0.5)
		}
		in.Results = append(in.Results, r)
	}
	page := render(t, "html", in, printer.Options{})
	if n := len(page); n > 1<<20 {
		t.Errorf("%d bytes", n)
	} else {
		t.Logf("%d bytes", n)
	}
	if n := strings.Count(page, "<tr>"); n > 150 {
		t.Errorf("%d rows", n)
	}
	for _, want := range []string{"<code><span class=\"whole\">10.9.3.150:8080</span></code>", "more that are well", "the worst first"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
}
