package checks

import (
	"context"
	"slices"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Pods come and go while a node is looked at, and their links with them, half made. So
// a link in doubt is looked at again, for as long and as often as this.
const (
	linkPatience = time.Second
	linkInterval = 100 * time.Millisecond
)

// lasting reads the kernel until doubt has nothing to say about it, or patience is
// over: the links it returns were in doubt every time. rushed says that ctx ended
// before that.
func lasting(ctx context.Context, read func() (facts.Kernel, error), doubt func(facts.Kernel) []facts.Link) (k facts.Kernel, links []facts.Link, rushed bool, err error) {
	began := time.Now()
	first := true
	suspects := map[int]bool{} // by ifindex
	for {
		if k, err = read(); err != nil {
			return k, nil, false, err
		}
		links = slices.DeleteFunc(doubt(k), func(l facts.Link) bool { return !first && !suspects[l.Index] })
		if len(links) == 0 || time.Since(began) >= linkPatience {
			return k, links, false, nil
		}
		first = false
		suspects = map[int]bool{}
		for _, l := range links {
			suspects[l.Index] = true
		}
		wait := time.NewTimer(linkInterval)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return k, links, true, nil
		}
	}
}
