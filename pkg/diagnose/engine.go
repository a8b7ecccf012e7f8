package diagnose

import (
	"cmp"
	"slices"
	"strings"
)

// Diagnose asks every cause and picks. It is pure: the same case gives the same
// verdict, in whatever order the results came in.
func (r *Registry) Diagnose(c *Case) Verdict {
	var sure, possible []Finding
	for _, cause := range r.List() {
		for _, f := range cause.Find(c) {
			f.Code = cause.Code
			if f.Spot == (Spot{}) {
				f.Spot = cause.Spot
			}
			f.Explains = c.bad(f.Explains)
			if f.Confidence == Possible {
				possible = append(possible, f)
			} else {
				sure = append(sure, f)
			}
		}
	}
	open := map[string]bool{}
	for _, res := range c.Results {
		if Bad(res) {
			open[Key(res)] = true
		}
	}
	var v Verdict
	v.Causes = cover(sure, open)
	v.Candidates = fitting(possible, open)
	c.draw(v.Causes)
	c.draw(v.Candidates)
	for _, key := range c.Failed() {
		// A warning that nothing explains is told by its row.
		if open[key] {
			v.Unexplained = append(v.Unexplained, key)
		}
	}
	slices.Sort(v.Unexplained)
	return v
}

// cover is a greedy set cover: of what is left, it takes the finding that is surest,
// ranks highest and explains most that is still open, until nothing more is
// explained. A greedy cover is within a factor of ln n of the smallest one (Chvatal
// 1979), and the sets here are small. What a finding explains is closed in open.
//
// A finding that explains no failure at all stands for something that works badly,
// not for something that fails; it is kept as it is.
func cover(findings []Finding, open map[string]bool) []Finding {
	var chosen []Finding
	left := slices.Clone(findings)
	for {
		best, most := -1, 0
		for i, f := range left {
			n := count(f.Explains, open)
			if n == 0 || best >= 0 && !better(f, n, left[best], most) {
				continue
			}
			best, most = i, n
		}
		if best < 0 {
			break
		}
		for _, key := range left[best].Explains {
			delete(open, key)
		}
		chosen = append(chosen, left[best])
		left = slices.Delete(left, best, best+1)
	}
	for _, f := range left {
		if len(f.Explains) == 0 {
			chosen = append(chosen, f)
		}
	}
	return chosen
}

func better(a Finding, na int, b Finding, nb int) bool {
	return cmp.Or(
		cmp.Compare(a.Confidence, b.Confidence), cmp.Compare(a.Rank, b.Rank), cmp.Compare(na, nb),
		strings.Compare(b.Code, a.Code), strings.Compare(b.Headline, a.Headline),
	) > 0
}

// fitting are the possible findings that would explain what is still open. They close
// it in open: it is not unexplained, it has too many explanations.
func fitting(possible []Finding, open map[string]bool) []Finding {
	var list []Finding
	for _, f := range possible {
		if count(f.Explains, open) > 0 {
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Rank, a.Rank), cmp.Compare(count(b.Explains, open), count(a.Explains, open)), strings.Compare(a.Code, b.Code))
	})
	for _, f := range list {
		for _, key := range f.Explains {
			delete(open, key)
		}
	}
	return list
}

func count(keys []string, open map[string]bool) int {
	n := 0
	for _, key := range keys {
		if open[key] {
			n++
		}
	}
	return n
}
