package netsys

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a goroutine is left behind by the tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
