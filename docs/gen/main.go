// Command gen fills the parts of the documents that the code knows better than a person.
//
// They stand between <!-- begin: NAME ARGUMENT --> and <!-- end --> in README.md,
// CONTRIBUTING.md and docs/*.md. The rest of those files is written by people. `make
// docs` calls it; a test compares what it would write with what is there.
//
// (The documents that are generated as a whole are written by the hidden command
// `kubectl netlook docs`, since only pkg/cli knows its own flags.)
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	root := flag.String("root", ".", "root `folder` of the checkout")
	flag.Parse()
	if err := write(*root); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func write(root string) error {
	files, err := documents(root)
	if err != nil {
		return err
	}
	for _, file := range files {
		before, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		after, err := fill(root, string(before))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if after == string(before) {
			continue
		}
		if err := os.WriteFile(file, []byte(after), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// documents are the files that may have generated parts.
func documents(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md"} {
		files = append(files, filepath.Join(root, name))
	}
	return files, nil
}

var (
	beginning = regexp.MustCompile(`^<!-- begin: ([a-z-]+)(?: ([^ ]+))? -->$`)
	end       = "<!-- end -->"
)

// part makes the text of a generated part from its argument; root is the checkout's.
type part func(root, argument string) (string, error)

// fill replaces the generated parts of a document.
func fill(root, text string) (string, error) {
	var out strings.Builder
	open := ""
	for line := range strings.Lines(text) {
		trimmed := strings.TrimRight(line, "\n")
		m := beginning.FindStringSubmatch(trimmed)
		switch {
		case open != "" && m != nil:
			return "", fmt.Errorf("%s begins within %s", trimmed, open)
		case m != nil:
			make, known := parts[m[1]]
			if !known {
				return "", fmt.Errorf("no generated part %q", m[1])
			}
			made, err := make(root, m[2])
			if err != nil {
				return "", fmt.Errorf("%s: %w", trimmed, err)
			}
			open = trimmed
			fmt.Fprintf(&out, "%s\n%s\n", trimmed, strings.Trim(made, "\n"))
		case trimmed == end && open == "":
			return "", fmt.Errorf("%s without a beginning", end)
		case trimmed == end:
			open = ""
			out.WriteString(line)
		case open == "":
			out.WriteString(line)
		}
	}
	if open != "" {
		return "", fmt.Errorf("%s has no %s", open, end)
	}
	return out.String(), nil
}
