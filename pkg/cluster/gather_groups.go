package cluster

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// groupsServed is what is missing without them.
const groupsServed = "which API groups are served"

// apiGroups are the API groups that the cluster serves, asked for once in a Gather: the
// answer lists all of them, and several steps want to know.
func (g *gatherer) apiGroups(ctx context.Context) (*metav1.APIGroupList, error) {
	g.groupsMu.Lock()
	defer g.groupsMu.Unlock()
	if g.groups != nil {
		return g.groups, nil
	}
	groups, err := get(ctx, g.Client, "ask for the API groups", g.clientset.Discovery().ServerGroupsWithContext)
	if err == nil {
		g.groups = groups
	}
	return groups, err
}
