// Package checks holds the checks of netlook, one file a check: its plan half,
// which runs in the plugin, and its run half, which runs in the probe, together.
// A new check is one new file that registers itself in Registry.
//
// It may import pkg/check, pkg/facts, pkg/target, pkg/netsys, the standard library
// and the field's network libraries, never k8s.io (a test enforces it).
package checks

import "github.com/netlook/kubectl-netlook/pkg/check"

// Registry holds every check of this build. Files of this package add to it in
// their init functions; nothing else writes to it.
var Registry check.Registry
