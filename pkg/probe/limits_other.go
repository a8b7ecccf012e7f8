//go:build !linux

package probe

// openFiles is a number that every system allows: a probe runs on Linux only, this
// keeps its package building elsewhere.
func openFiles() uint64 { return 1024 }

// GoFirst does nothing.
func GoFirst() error { return nil }
