//go:build linux

package enter_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/enter"
)

func TestPrepareTakesNothingFromTheCaller(t *testing.T) {
	t.Setenv("PATH", "/some/bin")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // would stand between the daemons
	t.Setenv("ETCD_DATA_DIR", "/elsewhere")
	command, err := enter.Prepare(enter.Spec{Argv: []string{"etcd"}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(command.Env, []string{"PATH=/some/bin"}) {
		t.Errorf("environment %q", command.Env)
	}
}

func TestSpecSurvivesTheCommandLine(t *testing.T) {
	want := enter.Spec{Cgroup: "w1/kubelet", Net: "/n", Private: true, Argv: []string{"kubelet", "--a b", ""}}
	command, err := enter.Prepare(want)
	if err != nil {
		t.Fatal(err)
	}
	if len(command.Args) != 3 || command.Args[1] != enter.Command {
		t.Fatalf("arguments %q", command.Args)
	}
	got, err := enter.Parse(command.Args[2])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}
