package diagnose

import "testing"

// TestMergePathsOfUnevenLinks: a path is merged with those of its own shape only, or a
// report that is not its own maker's would be read beyond its links.
func TestMergePathsOfUnevenLinks(t *testing.T) {
	hops := []PathHop{{Kind: HopPod, Name: "a", Status: HopOK}, {Kind: HopPeer, Name: "b", Status: HopSuspect}}
	short, long := &Path{Hops: hops}, &Path{Hops: hops, Links: []PathLink{{Kind: LinkWire, Status: HopSuspect}}}
	for _, tt := range []struct {
		name  string
		paths []*Path
		links int
		want  PathStatus
	}{
		{"fewer first", []*Path{short, long}, 0, ""},
		{"more first", []*Path{long, short}, 1, HopSuspect},
		{"the same", []*Path{long, long}, 1, HopSuspect},
	} {
		got := MergePaths([]Finding{{Path: tt.paths[0]}, {Path: tt.paths[1]}})
		if len(got.Links) != tt.links || tt.links > 0 && got.Links[0].Status != tt.want {
			t.Errorf("%s: links %+v", tt.name, got.Links)
		}
	}
}
