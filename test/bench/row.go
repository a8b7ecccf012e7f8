package bench

import (
	"fmt"
	"math"
	"strconv"
)

// Unit is what numbers of a row are.
type Unit string

// The units of rows.
const (
	Seconds Unit = "s"
	MB      Unit = "MB"
)

// Row is one line of the table: a thing measured, beside its floor.
type Row struct {
	What string
	Unit Unit
	// Floor says what the floor is; Floors are its measurements of the same run.
	Floor  string
	Floors Sample
	Values Sample
	// Budget is that of docs/design.md, section 11, in words; empty: it has none.
	Budget string
	// Limit is the largest median that the budget allows, 0 where what was measured is not
	// what the budget is for.
	Limit float64
	// Missing says why nothing was measured.
	Missing string
}

// Ratio is the median as a multiple of its floor's, NaN where either lacks.
func (r Row) Ratio() float64 { return r.Values.Median() / r.Floors.Median() }

// Within says whether the median keeps the budget: "yes", "no", or "-" without a limit.
func (r Row) Within() string {
	switch m := r.Values.Median(); {
	case r.Limit == 0 || math.IsNaN(m):
		return "-"
	case m <= r.Limit:
		return "yes"
	}
	return "**no**"
}

// number writes a value to three digits.
func number(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "-"
	case v != 0 && math.Abs(v) < 0.001:
		return "<0.001"
	case math.Abs(v) < 1:
		return strconv.FormatFloat(v, 'f', 3, 64)
	case math.Abs(v) < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case math.Abs(v) < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// spread is a sample in a cell: its median, and how far it goes where that says more.
func spread(s Sample, unit Unit) string {
	if len(s) == 0 {
		return "-"
	}
	least, most := s.Spread()
	text := number(s.Median()) + " " + string(unit)
	if least != most {
		text += fmt.Sprintf(" (%s to %s, %d runs)", number(least), number(most), len(s))
	}
	return text
}
