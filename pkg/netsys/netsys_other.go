//go:build !linux

package netsys

import (
	"context"
	"net/netip"
	"os"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Capabilities is for Linux only.
func Capabilities() ([]string, error) { return nil, ErrUnsupported }

// NetnsID is for Linux only.
func NetnsID() (uint64, error) { return 0, ErrUnsupported }

// UID returns the effective user ID of this process, -1 where there is none.
func UID() int { return os.Geteuid() }

// Links is for Linux only.
func Links() ([]facts.Link, error) { return nil, ErrUnsupported }

// Routes is for Linux only.
func Routes() ([]facts.Route, error) { return nil, ErrUnsupported }

// Neighbours is for Linux only.
func Neighbours() ([]facts.Neighbour, error) { return nil, ErrUnsupported }

// Neighbour is for Linux only.
func Neighbour(netip.Addr, int) (NeighbourEntry, error) { return NeighbourEntry{}, ErrUnsupported }

// FDB is for Linux only.
func FDB() ([]facts.FDBEntry, error) { return nil, ErrUnsupported }

// DefaultGateways is for Linux only.
func DefaultGateways(string) ([]Gateway, error) { return nil, ErrUnsupported }

// RouteTo is for Linux only.
func RouteTo(netip.Addr) (RouteChoice, error) { return RouteChoice{}, ErrUnsupported }

func openEcho(netip.Addr, bool) (echoConn, error) { return nil, ErrUnsupported }

func sizeProbers(netip.Addr) ([]sizeProber, error) { return nil, ErrUnsupported }

// Nudge is for Linux only.
func Nudge(context.Context, netip.Addr) error { return ErrUnsupported }
