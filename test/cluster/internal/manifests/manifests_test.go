package manifests_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/manifests"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

func TestRender(t *testing.T) {
	for _, family := range []string{"ipv4", "dual"} {
		options := topology.Defaults()
		options.IPFamily = family
		rendered, err := manifests.Render(options)
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		for document := range strings.SplitSeq(string(rendered), "\n---\n") {
			var object struct{ APIVersion, Kind string }
			if err := yaml.Unmarshal([]byte(document), &object); err != nil || object.Kind == "" || object.APIVersion == "" {
				t.Errorf("object %+v, error %v, in:\n%s", object, err, document)
			}
			kinds[object.Kind]++
		}
		if kinds["ClusterRoleBinding"] != 3 || kinds["Deployment"] != 1 || kinds["Service"] != 1 {
			t.Errorf("%s: kinds %v", family, kinds)
		}
		if got := strings.Contains(string(rendered), "PreferDualStack"); got != options.Dual() {
			t.Errorf("%s: PreferDualStack %v", family, got)
		}
	}
}
