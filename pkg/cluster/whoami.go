package cluster

import (
	"context"

	authv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// WhoAmI is the user's name as the API server knows it (SelfSubjectReview, in
// Kubernetes since 1.28, allowed to everybody who is authenticated by default).
func (c *Client) WhoAmI(ctx context.Context) (string, error) {
	review, err := get(ctx, c, "ask who you are", func(ctx context.Context) (*authv1.SelfSubjectReview, error) {
		return c.clientset.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authv1.SelfSubjectReview{}, metav1.CreateOptions{})
	})
	if err != nil {
		return "", err
	}
	return plain(review.Status.UserInfo.Username, maxWord), nil
}
