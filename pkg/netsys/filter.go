package netsys

import "github.com/netlook/kubectl-netlook/pkg/facts"

// LegacyFilter is what the tables of the old iptables hold.
type LegacyFilter struct {
	// Tables are those with rules or chains of somebody's ("filter"): tables exist, and
	// are empty, from the first time that anybody looks into them.
	Tables []string
	Drops  []facts.Drop
}
