package cluster

import (
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	fakedynamic "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

// TestForeignVersions: the kinds of the admin API are of different versions of one group,
// of which only one is preferred.
func TestForeignVersions(t *testing.T) {
	const group = "policy.networking.k8s.io"
	served := map[string]string{"clusternetworkpolicies": "v1alpha2", "adminnetworkpolicies": "v1alpha1", "baselineadminnetworkpolicies": "v1alpha1"}
	kinds := map[string]string{"clusternetworkpolicies": "ClusterNetworkPolicy", "adminnetworkpolicies": "AdminNetworkPolicy", "baselineadminnetworkpolicies": "BaselineAdminNetworkPolicy"}
	for _, versions := range [][]string{{"v1alpha2", "v1alpha1"}, {"v1alpha1", "v1alpha2"}} {
		c, clientset := newFake(shop()...)
		lists := map[schema.GroupVersionResource]string{}
		for _, version := range versions {
			clientset.Resources = append(clientset.Resources, &metav1.APIResourceList{GroupVersion: group + "/" + version})
			for resource, kind := range kinds {
				lists[schema.GroupVersionResource{Group: group, Version: version, Resource: resource}] = kind + "List"
			}
		}
		client := fakedynamic.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists)
		client.PrependReactor("list", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
			if r := action.GetResource(); served[r.Resource] != r.Version {
				return true, nil, apierrors.NewNotFound(r.GroupResource(), "")
			}
			return false, nil, nil
		})
		for resource, version := range served {
			u := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "guard"}, "spec": map[string]any{"subject": map[string]any{}}}}
			u.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: version, Kind: kinds[resource]})
			if err := client.Tracker().Create(schema.GroupVersionResource{Group: group, Version: version, Resource: resource}, u, ""); err != nil {
				t.Fatal(err)
			}
		}
		c.dynamic = func() (dynamic.Interface, error) { return client, nil }
		f, _ := gatherWeb(t, c)
		var found []string
		for _, p := range f.Policies.Foreign {
			found = append(found, p.String())
		}
		slices.Sort(found)
		if want := []string{"AdminNetworkPolicy guard", "BaselineAdminNetworkPolicy guard", "ClusterNetworkPolicy guard"}; !slices.Equal(found, want) || len(f.Policies.ForeignUnread) > 0 || len(f.Notes) > 0 {
			t.Errorf("%q first: %q, unread %q, notes %q", versions[0], found, f.Policies.ForeignUnread, f.Notes)
		}
	}
}
