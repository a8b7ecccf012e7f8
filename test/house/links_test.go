package house

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	// A link or a picture: [text](target) or ![text](target), and src="target".
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)|(?:src|href)="([^"]+)"`)
	code    = regexp.MustCompile("`[^`]*`")
	heading = regexp.MustCompile(`^#{1,6} +(.*)$`)
)

// TestLinks: every link of the documents to a file of this tree, or to a heading in one,
// leads somewhere. Addresses elsewhere are not asked: tests need no network.
func TestLinks(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"))
	checked := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range links(string(text)) {
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			checked++
			if err := leads(file, target); err != nil {
				t.Errorf("%s links to %s: %v", filepath.Base(file), target, err)
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d links were found: nothing is checked", checked)
	}
}

func TestLinksAreFound(t *testing.T) {
	const text = "# A *b*: `c` d\n[x](y.md#z) ![p](q.png)\n`[no](link)`\n```\n# no heading\n[no](link)\n```\n## A b c d\n"
	if got := fmt.Sprint(links(text)); got != "[y.md#z q.png]" {
		t.Errorf("links %s", got)
	}
	if got := fmt.Sprint(anchors(text)); got != "map[a-b-c-d:true a-b-c-d-1:true]" {
		t.Errorf("anchors %s", got)
	}
	for _, target := range []string{"nowhere.md", "house_test.go#there", "#nowhere"} {
		if leads("links_test.go", target) == nil {
			t.Errorf("%s is said to lead somewhere", target)
		}
	}
}

// leads tells why a link in a file leads nowhere.
func leads(file, target string) error {
	path, anchor, _ := strings.Cut(target, "#")
	there := file
	if path != "" {
		there = filepath.Join(filepath.Dir(file), filepath.FromSlash(path))
	}
	if _, err := os.Stat(there); err != nil {
		return err
	}
	if anchor == "" {
		return nil
	}
	text, err := os.ReadFile(there)
	if err != nil {
		return err
	}
	if !anchors(string(text))[anchor] {
		return fmt.Errorf("there is no heading for #%s", anchor)
	}
	return nil
}

// prose are the lines of a document outside of code blocks.
func prose(text string) []string {
	var lines []string
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if !fenced && !strings.HasPrefix(line, "    ") {
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	return lines
}

func links(text string) []string {
	var found []string
	for _, line := range prose(text) {
		// A code span within a link's text is no code span around a link.
		bare := code.ReplaceAllStringFunc(line, func(span string) string {
			if strings.Contains(span, "](") {
				return ""
			}
			return span
		})
		for _, m := range link.FindAllStringSubmatch(bare, -1) {
			found = append(found, m[1]+m[2])
		}
	}
	return found
}

// anchors are the headings as GitHub names them: small letters, digits, hyphens for
// spaces, nothing else; the second of a name gets -1.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, line := range prose(text) {
		m := heading.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		name := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, m[1])
		unique := name
		for i := 1; all[unique]; i++ {
			unique = fmt.Sprintf("%s-%d", name, i)
		}
		all[unique] = true
	}
	return all
}
