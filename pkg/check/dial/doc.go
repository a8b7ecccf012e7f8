// Package dial is the network half of the checks that speak TCP, UDP, TLS, HTTP or
// DNS: it tries, times each phase, and turns what the kernel or the peer answered
// into a typed check.Failure. The checks in pkg/check/checks decide whom to ask and
// what an answer means there; this package knows no Kubernetes.
//
// It may import pkg/check, the standard library and the field's network libraries.
// All it reads from the network is hostile: bounded in size and time, and cleaned
// before it is put into a sentence for people.
package dial
