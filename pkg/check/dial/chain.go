package dial

import (
	"context"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// maxChain is how many aliases are followed, one after the other: resolvers give up
// after 8 to 16.
const maxChain = 12

// Alias is a CNAME record.
type Alias struct{ From, To string }

// Chain is the way from a name through its aliases.
type Chain struct {
	// Names begin with the name that was asked for; each further one is what the one
	// before it is an alias of.
	Names []string
	// Addrs are those of the last name.
	Addrs []netip.Addr
	// Loop says that the last name stands further up in the chain as well.
	Loop bool
}

// Follow asks a server for a name and follows the aliases that it answers with, link by
// link: those of an answer, and where an answer ends with an alias, those of its target.
// The chain is what was found before an error, whose kind is that of Ask: nxdomain and
// nodata are about the last name. A chain that closes in itself, or does not end after
// maxChain links, is of kind config.
func Follow(ctx context.Context, q Question) (Chain, error) {
	chain := Chain{Names: []string{dns.Fqdn(strings.ToLower(q.Name))}}
	for {
		q.Name = chain.Names[len(chain.Names)-1]
		before := len(chain.Names)
		// The types in this order: most names have addresses of the first.
		var worst error
		for _, q.Type = range []string{"A", "AAAA"} {
			reply, err := Ask(ctx, q)
			if bad := chain.extend(reply.Aliases); bad != nil {
				return chain, bad
			}
			if KindOf(err, q.Server) == check.Timeout {
				return chain, err // the other type would only take as long
			}
			chain.Addrs = append(chain.Addrs, reply.Addrs...)
			if worst == nil || KindOf(worst, q.Server) == check.NoData {
				worst = err
			}
		}
		kind := KindOf(worst, q.Server)
		if kind == check.NoData && len(chain.Names) == before {
			// Servers that see a loop leave the alias out, unless it is asked for itself.
			q.Type = "CNAME"
			reply, _ := Ask(ctx, q)
			if bad := chain.extend(reply.Aliases); bad != nil {
				return chain, bad
			}
		}
		switch {
		case len(chain.Addrs) > 0:
			return chain, nil
		case len(chain.Names) > before && kind == check.NoData:
			continue // the answer ended with an alias: its target is asked for
		default:
			return chain, worst
		}
	}
}

// extend follows the records of one answer from the chain's last name on.
func (c *Chain) extend(records []Alias) error {
	for {
		last := c.Names[len(c.Names)-1]
		next := ""
		for _, r := range records {
			if strings.EqualFold(r.From, last) {
				next = dns.Fqdn(strings.ToLower(r.To))
			}
		}
		if next == "" {
			return nil
		}
		for _, name := range c.Names {
			c.Loop = c.Loop || name == next
		}
		c.Names = append(c.Names, next)
		switch {
		case c.Loop:
			return problemf(check.Config, "%s leads back to itself", Clean(next, 120))
		case len(c.Names) > maxChain:
			return problemf(check.Config, "the chain does not end after %d aliases", maxChain)
		}
	}
}
