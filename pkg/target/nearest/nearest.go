// Package nearest finds the names that someone who mistyped a name most likely
// meant. It serves the parser of targets (kinds) and pkg/cluster (objects).
//
// It may import the standard library only.
package nearest

import (
	"cmp"
	"slices"
	"strings"
)

// maxWord bounds the words that are compared: the distance costs the product of
// two lengths, and no name in Kubernetes is longer than 253 characters.
const maxWord = 253

// Of returns up to limit of the candidates, the most likely first, or nothing when
// none is near. Near is a typing mistake or two, a candidate that continues the
// word (a Deployment's name for one of its pods), or one that contains it.
// Candidates of equal rank are sorted, and duplicates are dropped.
func Of(word string, candidates []string, limit int) []string {
	type ranked struct {
		name string
		rank int
	}
	var near []ranked
	for _, name := range candidates {
		if rank, ok := rankOf(word, name); ok {
			near = append(near, ranked{name, rank})
		}
	}
	slices.SortFunc(near, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.name, b.name))
	})
	near = slices.Compact(near)
	names := make([]string, 0, limit)
	for _, r := range near[:min(limit, len(near))] {
		names = append(names, r.name)
	}
	return names
}

// rankOf tells how far name is from word, small being near, and whether it is near
// at all. Typing mistakes rank before continuations, those before mere containment.
func rankOf(word, name string) (rank int, near bool) {
	if word == "" || name == "" || len(word) > maxWord || len(name) > maxWord {
		return 0, false
	}
	// One mistake for each three characters and never more than three, so that
	// short words do not match everything.
	const byContinuation, byContainment = 10, 20
	if d := distance(word, name); d <= min(3, max(1, len(word)/3)) {
		return d, true
	}
	if len(word) >= 2 && strings.HasPrefix(name, word) {
		return byContinuation, true
	}
	if len(word) >= 3 && strings.Contains(name, word) {
		return byContainment, true
	}
	return 0, false
}

// distance counts the insertions, deletions, replacements and swaps of neighbours
// that turn a into b, byte by byte (the optimal string alignment distance).
func distance(a, b string) int {
	// Three rows of the usual table are enough: a swap looks two rows back.
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
