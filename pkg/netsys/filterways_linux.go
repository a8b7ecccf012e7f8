package netsys

import (
	"reflect"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// maxWays is how many jumps to a chain are looked at, maxLets how much of what passes
// before a rule is kept, maxAllLets for all rules together.
const (
	maxWays, maxLets = 16, 16
	maxAllLets       = 1024
	severalHooks     = "several"
)

// jump is a rule that leads from one chain to another; before it are how many of those
// that let packets pass.
type jump struct {
	from, to chainKey
	match    facts.Match
	before   int
}

// way is what all packets have in common that get to a chain, and what passes before.
type way struct {
	match facts.Match
	lets  []facts.Match
}

// filterWays are the rules of a filter and how they are reached.
type filterWays struct {
	hooks map[chainKey]string // of base chains
	jumps []jump
	// passes are what rules of a chain let pass so far, partly the chains in which some of
	// that is not understood, unclear those in which more may have passed.
	passes  map[chainKey][]facts.Match
	partly  map[chainKey]bool
	unclear map[chainKey]bool
	told    int
	to      map[chainKey][]jump
	known   map[chainKey]way
}

func newFilterWays() *filterWays {
	return &filterWays{hooks: map[chainKey]string{}, passes: map[chainKey][]facts.Match{}, partly: map[chainKey]bool{}, unclear: map[chainKey]bool{}}
}

// pass takes in that packets may go no further in a chain.
func (w *filterWays) pass(chain chainKey, m facts.Match) {
	if len(w.passes[chain]) == maxLets {
		w.unclear[chain] = true
		return
	}
	w.partly[chain] = w.partly[chain] || len(m.Others) > 0
	w.passes[chain] = append(w.passes[chain], m)
}

func (w *filterWays) jump(from, to chainKey, m facts.Match) {
	w.jumps = append(w.jumps, jump{from, to, m, len(w.passes[from])})
	w.unclear[from] = true
}

// before takes in a rule that drops: what passes before it.
func (w *filterWays) before(chain chainKey, d *facts.Drop) {
	_, base := w.hooks[chain]
	if w.told += len(w.passes[chain]); w.told <= maxAllLets {
		d.Lets = slices.Clone(w.passes[chain])
		d.Only = base && !w.unclear[chain] && (d.Match == nil || d.Match.Anyone())
	}
	if !base && d.Match != nil && d.Match.Anyone() && (w.unclear[chain] || w.partly[chain] || w.told > maxAllLets) {
		addOther(d.Match, "what passes before it")
	}
}

// finish tells rules which hook they are reached from, and what was asked for on the way.
func (w *filterWays) finish(drops []facts.Drop) {
	base := make(map[chainKey]bool, len(w.hooks))
	for key := range w.hooks {
		base[key] = true
	}
	spreadHooks(w.hooks, w.jumps)
	w.to, w.known = map[chainKey][]jump{}, map[chainKey]way{}
	for _, j := range w.jumps {
		if w.hooks[j.from] != "" && len(w.to[j.to]) <= maxWays {
			w.to[j.to] = append(w.to[j.to], j)
		}
	}
	for i := range drops {
		d := &drops[i]
		key := chainKey{d.Family, d.Table, d.Chain}
		if d.Policy { // which comes last
			w.before(key, d)
		}
		d.Hook = w.hooks[key]
		if d.Match != nil && !base[key] {
			to := w.way(key, base)
			m := both(to.match, *d.Match)
			d.Match, d.Lets = &m, few(to.lets, d.Lets)
		}
	}
}

// few are the first of two lists together.
func few(a, b []facts.Match) []facts.Match {
	list := slices.Concat(a, b)
	return list[:min(len(list), maxLets)]
}

func (w *filterWays) way(chain chainKey, base map[chainKey]bool) way {
	if base[chain] {
		return way{}
	}
	if found, known := w.known[chain]; known {
		return found
	}
	jumps := w.to[chain]
	w.known[chain] = way{match: facts.Match{Others: []string{"the jump to " + chain.chain}}} // in a circle too
	if len(jumps) == 0 || len(jumps) > maxWays {
		return w.known[chain]
	}
	var common way
	for i, j := range jumps {
		from := w.way(j.from, base)
		m := both(from.match, j.match)
		if i == 0 {
			common = way{m, few(from.lets, w.passes[j.from][:j.before])}
		} else {
			common = way{match: either(common.match, m, chain.chain)}
		}
	}
	w.known[chain] = common
	return common
}

// either is what two ways have in common.
func either(a, b facts.Match, chain string) facts.Match {
	switch {
	case reflect.DeepEqual(a, b):
		return a
	case reflect.DeepEqual(a, facts.Match{}), reflect.DeepEqual(b, facts.Match{}):
		return facts.Match{} // one of them is open to all
	}
	m := facts.Match{Others: []string{"one of several jumps to " + chain}}
	keep := func(into *string, a, b string) {
		if a == b {
			*into = a
		}
	}
	keep(&m.Family, a.Family, b.Family)
	keep(&m.Src, a.Src, b.Src)
	keep(&m.Dst, a.Dst, b.Dst)
	keep(&m.Protocol, a.Protocol, b.Protocol)
	keep(&m.In, a.In, b.In)
	keep(&m.Out, a.Out, b.Out)
	return m
}

// both asks for what a and b ask for, b in its own words.
func both(a, b facts.Match) facts.Match {
	m := b
	m.Demands, m.Others = nil, nil
	for _, d := range slices.Concat(a.Demands, b.Demands) {
		demand(&m, d, "more of them")
	}
	for _, of := range []struct {
		name   string
		a      string
		into   *string
		demand string
	}{{"family", a.Family, &m.Family, ""}, {"saddr", a.Src, &m.Src, "saddr"}, {"daddr", a.Dst, &m.Dst, "daddr"}, {"protocol", a.Protocol, &m.Protocol, "protocol"}, {"iifname", a.In, &m.In, ""}, {"oifname", a.Out, &m.Out, ""}} {
		switch {
		case of.a == "" || of.a == *of.into:
		case *of.into == "":
			*of.into = of.a
		case of.demand != "":
			demand(&m, facts.Demand{Of: []string{of.demand}, Among: []string{of.a}}, of.name)
		default:
			addOther(&m, of.name)
		}
	}
	for _, of := range []struct {
		name string
		a    facts.Ports
		into *facts.Ports
	}{{"sport", a.SrcPort, &m.SrcPort}, {"dport", a.DstPort, &m.DstPort}} {
		switch {
		case of.a.Any() || of.a == *of.into:
		case of.into.Any():
			*of.into = of.a
		default:
			demand(&m, facts.Demand{Of: []string{of.name}, Among: []string{of.a.String()}}, of.name)
		}
	}
	for _, other := range slices.Concat(a.Others, b.Others) {
		addOther(&m, other)
	}
	return m
}

// spreadHooks gives chains without a hook that of the base chain they are reached from;
// one that is reached from several keeps the one that was found first, or "several".
func spreadHooks(hooks map[chainKey]string, jumps []jump) {
	to := map[chainKey][]chainKey{}
	for _, j := range jumps {
		to[j.from] = append(to[j.from], j.to)
	}
	reached := make([]chainKey, 0, len(hooks))
	for key := range hooks {
		reached = append(reached, key)
	}
	for i := 0; i < len(reached); i++ {
		from := reached[i]
		for _, to := range to[from] {
			switch had, known := hooks[to]; {
			case !known:
				hooks[to] = hooks[from]
			case had == hooks[from] || had == severalHooks:
				continue
			default:
				hooks[to] = severalHooks
			}
			reached = append(reached, to)
		}
	}
}
