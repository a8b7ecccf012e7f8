package checks

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
)

func TestJudgeAgent(t *testing.T) {
	p := agentParams{Plugin: "Cilium", Port: 9879, Path: "/healthz"}
	for _, tc := range []struct {
		name    string
		failure check.Failure
		answer  *dial.Answer
		want    check.Status
		kind    check.Failure
	}{
		{"well", "", &dial.Answer{Status: 200, Text: "200 OK"}, check.Pass, ""},
		{"not well", "", &dial.Answer{Status: 503, Text: "503 Service Unavailable"}, check.Fail, check.NotReady},
		{"hangs", check.Silent, nil, check.Fail, check.NotReady},
		{"nobody there", check.Refused, nil, check.Warn, check.Refused},
	} {
		if r := p.judge(tc.failure, tc.answer); r.Status != tc.want || r.Failure != tc.kind {
			t.Errorf("%s: %+v", tc.name, r)
		}
	}
}
