//go:build linux

package netnstest

import (
	"fmt"
	"os"
	"testing"
)

// requireEnv turns skips for missing rights, programs and kernel parts into failures.
const requireEnv = "NETLOOK_REQUIRE_NETNS"

// Lacking skips a test for what this machine lacks, or fails it where nothing may be left
// out, as in CI.
func Lacking(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(requireEnv) == "1" {
		t.Fatalf("%s, and %s=1", fmt.Sprintf(format, args...), requireEnv)
	}
	t.Skipf(format, args...)
}
