package cluster

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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

// groupsUnread tells that the groups could not be asked for. Where that is not allowed
// nothing is said: kinds of other APIs are then as good as not served.
func (g *gatherer) groupsUnread(ctx context.Context, err error) error {
	if errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound) {
		return ctx.Err()
	}
	return g.unread(ctx, "which API groups are served", err)
}
