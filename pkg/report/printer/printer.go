// Package printer shows a report: one file a printer, each of which registers itself
// here under the name that -o takes. A new printer is one new file.
//
// It may import pkg/report, pkg/check and rendering libraries, and writes only to the
// writer it is given.
package printer

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

// Options are what a printer may know of its output.
type Options struct {
	// Width is the terminal's, in columns; 0 means that nothing is cut.
	Width int
	// Color allows ANSI colours.
	Color bool
	// ASCII asks for ASCII marks instead of Unicode ones.
	ASCII bool
}

// Printer is one output format.
type Printer struct {
	// Name is what -o takes.
	Name string
	// Summary is one line for help texts and completion.
	Summary string
	// ForPeople says that the output is read by people: it then carries the notices
	// itself, and may be coloured.
	ForPeople bool
	Print     func(io.Writer, *report.Report, Options) error
}

var registry = map[string]Printer{}

// register adds p. It panics on a duplicate name, a mistake of a programmer.
func register(p Printer) {
	if _, taken := registry[p.Name]; taken {
		panic(fmt.Sprintf("printer %q is registered twice", p.Name))
	}
	registry[p.Name] = p
}

// Get returns the printer of that name, or an error that names those there are.
func Get(name string) (Printer, error) {
	if p, found := registry[name]; found {
		return p, nil
	}
	var names []string
	for _, p := range List() {
		names = append(names, p.Name)
	}
	return Printer{}, fmt.Errorf("no output format %q; there are: %s", name, strings.Join(names, ", "))
}

// List returns all printers, sorted by name.
func List() []Printer {
	var list []Printer
	for _, p := range registry {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Printer) int { return strings.Compare(a.Name, b.Name) })
	return list
}
