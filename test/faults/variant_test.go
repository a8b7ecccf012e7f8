package faults

import (
	"slices"
	"testing"
)

func TestOnCilium(t *testing.T) {
	f := Fault{
		Name: "07-route-missing", Inject: "a", Observe: "b", Heal: "c",
		Shallow: Expect{Causes: []string{"NL-A"}}, Deep: Expect{Causes: []string{"NL-A"}},
		Cilium: &Variant{Observe: "other", Deep: &Expect{Causes: []string{"NL-B"}}},
	}
	got := f.onCilium()
	if got.Name != "07-route-missing@cilium" || got.Cluster != ciliumCluster || got.Cilium != nil {
		t.Errorf("%+v", got)
	}
	if got.Inject != "a" || got.Observe != "other" || got.Heal != "c" {
		t.Errorf("scripts %q %q %q: what the variant does not name stays", got.Inject, got.Observe, got.Heal)
	}
	if !slices.Equal(got.Shallow.Causes, []string{"NL-A"}) || !slices.Equal(got.Deep.Causes, []string{"NL-B"}) {
		t.Errorf("expectations %v %v", got.Shallow, got.Deep)
	}
}
