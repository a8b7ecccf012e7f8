package outside_test

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/outside"
)

func TestCorefile(t *testing.T) {
	for dual, want := range map[bool]string{
		true:  `answer "{{ .Name }} 60 IN AAAA 2001:db8::10"`,
		false: "template IN AAAA {\n    rcode NOERROR",
	} {
		got := outside.Corefile(dual)
		for _, part := range []string{want, `answer "{{ .Name }} 60 IN A 198.51.100.10"`, "rcode NXDOMAIN", "outside.test kubernetes.io example.com {"} {
			if !strings.Contains(got, part) {
				t.Errorf("dual %v: no %q in:\n%s", dual, part, got)
			}
		}
		if strings.Count(got, "{") != strings.Count(got, "}") {
			t.Errorf("dual %v: braces do not match:\n%s", dual, got)
		}
	}
}
