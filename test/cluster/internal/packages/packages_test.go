package packages

import (
	"errors"
	"slices"
	"testing"
)

func TestMissing(t *testing.T) {
	lacks := func(programs ...string) func(string) error {
		return func(program string) error {
			if slices.Contains(programs, program) {
				return errors.New("not found")
			}
			return nil
		}
	}
	withoutCNI := func(packages []string) []string { // depends on this machine
		return slices.DeleteFunc(packages, func(name string) bool { return name == "containernetworking-plugins" })
	}
	for _, test := range []struct {
		name string
		cni  string
		look func(string) error
		want []string
	}{
		{"nothing", "cilium", lacks(), nil},
		{"two of one package", "flannel", lacks("containerd", "ctr"), []string{"containerd"}},
		{"sorted", "flannel", lacks("runc", "conntrack"), []string{"conntrack", "runc"}},
		{"a compiler, which flannel does not need", "flannel", lacks(LLVM + "/clang"), nil},
		{"a compiler", "cilium", lacks(LLVM + "/clang"), []string{"clang-19"}},
		{"a browser, which no cluster needs", "cilium", lacks("chromium"), nil},
		{"a browser and a compiler", Tests, lacks("chromium", LLVM+"/llc"), []string{"chromium", "llvm-19"}},
	} {
		if got := withoutCNI(missing(test.cni, test.look)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestPath(t *testing.T) {
	for given, want := range map[string]string{
		"/usr/bin:/bin":           "/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
		"/usr/sbin:/usr/bin:/bin": "/usr/sbin:/usr/bin:/bin:/usr/local/sbin:/sbin",
		"":                        "/usr/local/sbin:/usr/sbin:/sbin",
	} {
		if got := Path(given); got != want {
			t.Errorf("Path(%q) = %q, want %q", given, got, want)
		}
	}
}
