// Package bench measures netlook on the test cluster that is up, each thing beside its
// floor in the same run, and writes docs/bench.md. `make bench` calls it (cmd/bench).
//
// It drives the built plugin as its users do, through the command line; client-go is used
// to fill the cluster (fill.go), to watch what a floor waits for, and behind the counting
// proxy. No test asserts a time: a busy machine is nobody's fault.
package bench
