//go:build !linux

package dial

import "syscall"

// source knows nothing: probes run on Linux.
type source struct{}

func newSource() *source { return &source{} }

// Control does nothing.
func (*source) Control(_, _ string, _ syscall.RawConn) error { return nil }

func (*source) take() origin { return origin{} }
