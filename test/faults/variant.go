package faults

import "cmp"

// ciliumCluster are the options of `testcluster up` for a dataplane in eBPF: on two nodes,
// since each agent compiles.
const ciliumCluster = "--nodes cp,w1 --cni cilium"

// Variant is how a fault is played once more on another dataplane: as it is, but for
// what is given here.
type Variant struct {
	Inject  string  `json:"inject,omitempty"`
	Observe string  `json:"observe,omitempty"`
	Heal    string  `json:"heal,omitempty"`
	Shallow *Expect `json:"shallow,omitempty"`
	Deep    *Expect `json:"deep,omitempty"`
	// Allow replaces that of the fault.
	Allow []string `json:"allow,omitempty"`
}

// onCilium is the fault as it is played on Cilium.
func (f Fault) onCilium() Fault {
	v := *f.Cilium
	f.Name += "@cilium"
	f.Cluster, f.Cilium = ciliumCluster, nil
	f.Inject, f.Observe, f.Heal = cmp.Or(v.Inject, f.Inject), cmp.Or(v.Observe, f.Observe), cmp.Or(v.Heal, f.Heal)
	if v.Shallow != nil {
		f.Shallow = *v.Shallow
	}
	if v.Deep != nil {
		f.Deep = *v.Deep
	}
	if v.Allow != nil {
		f.Allow = v.Allow
	}
	if f.IsHealthy() {
		f.Repeat, f.Load = Repeat{Shallow: 5, Deep: 3}, false
	}
	return f
}
