package policyoracle

import (
	"testing"

	"github.com/mattfenwick/cyclonus/pkg/generator"
	"github.com/mattfenwick/cyclonus/pkg/matcher"

	"github.com/netlook/kubectl-netlook/pkg/policy"
)

func TestX(t *testing.T) {
	_ = matcher.BuildNetworkPolicies
	_ = policy.New
	g := generator.NewTestCaseGenerator(true, "192.168.1.1", []string{"x", "y", "z"}, nil, nil)
	t.Log(len(g.GenerateTestCases()))
}
