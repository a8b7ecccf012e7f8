package inject

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a goroutine is left behind by the tests. client-go's heartbeat of a
// WebSocket is none of ours: after an end without a Close frame it lives until its next
// ping fails, 5 s at most (tools/remotecommand/websocket.go, pingPeriod).
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/client-go/tools/remotecommand.(*heartbeat).start"))
}
