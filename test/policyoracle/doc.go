// Package policyoracle holds pkg/policy against another evaluator of NetworkPolicies,
// that of github.com/mattfenwick/cyclonus, on the cases that cyclonus generates and on
// random policies. It has tests only, and is a module of its own because cyclonus needs
// other versions of what the root module uses.
package policyoracle
