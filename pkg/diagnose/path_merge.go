package diagnose

import "slices"

// MergePaths is one path for findings that cannot be told apart: what any of them
// suspects is suspect in it. It is nil unless they have one way in common; the longest
// stretch that is sure before the first suspect stays ok.
func MergePaths(findings []Finding) *Path {
	var merged *Path
	for _, f := range findings {
		switch {
		case f.Path == nil:
		case merged == nil:
			p := *f.Path
			p.Hops, p.Links = slices.Clone(p.Hops), slices.Clone(p.Links)
			merged = &p
		case sameWay(*merged, *f.Path):
			for i, h := range f.Path.Hops {
				merged.Hops[i].Status, merged.Hops[i].Note = join(merged.Hops[i].Status, h.Status, merged.Hops[i].Note, h.Note)
			}
			for i, l := range f.Path.Links {
				merged.Links[i].Status, merged.Links[i].Note = join(merged.Links[i].Status, l.Status, merged.Links[i].Note, l.Note)
			}
		}
	}
	return merged
}

// sameWay reports whether two paths lead by the same hops, and as many links.
func sameWay(a, b Path) bool {
	return len(a.Links) == len(b.Links) && slices.EqualFunc(a.Hops, b.Hops, func(x, y PathHop) bool { return x.Kind == y.Kind && x.Name == y.Name && x.Node == y.Node })
}

// join is what two findings together say of a place, and its note. A place that two of
// them suspect for different reasons has no note.
func join(a, b PathStatus, noteA, noteB string) (PathStatus, string) {
	if a == b {
		if noteA == noteB {
			return a, noteA
		}
		return a, ""
	}
	for _, s := range []PathStatus{HopBroken, HopSuspect, HopOK} {
		switch s {
		case a:
			return a, noteA
		case b:
			return b, noteB
		}
	}
	return HopUnknown, ""
}
