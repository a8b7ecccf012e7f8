package policy

// truth is three-valued (Kleene's strong logic): what is not evaluated may hold or not,
// and the answer is sure only where it comes out the same either way.
type truth int8

// The order makes "and" the smaller and "or" the larger of two.
const (
	no truth = iota
	maybe
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// answer is a truth and, where there is something to say of it, what: why it is maybe,
// or for whom yes does not hold.
type answer struct {
	is  truth
	why string
}

// both is "and". The reason kept is that of the part that decides.
func both(a, b answer) answer {
	if b.is < a.is || b.is == a.is && a.why == "" {
		return b
	}
	return a
}
