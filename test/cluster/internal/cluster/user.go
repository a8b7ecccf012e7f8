//go:build linux

package cluster

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/pki"
)

// ErrUserName is wrapped by the error of a name that cannot be one.
var ErrUserName = errors.New("may hold letters, digits, and . _ - @ : only")

// userName keeps what becomes a file's name in its folder.
var userName = regexp.MustCompile(`^[A-Za-z0-9@:_-][A-Za-z0-9@:._-]*$`)

// User writes a kubeconfig with a client certificate for a user in these groups,
// and returns its path. What the user may do is for RBAC objects to say.
func (c *Cluster) User(name string, groups []string) (string, error) {
	if !userName.MatchString(name) {
		return "", fmt.Errorf("user %q: %w", name, ErrUserName)
	}
	record, err := c.Dir.Load()
	if err != nil {
		return "", err
	}
	file := c.Dir.UserKubeconfig(name)
	if err := pki.WriteUser(file, c.Dir.PKI(), record.Options.APIServer(), pki.Request{
		User: name, Groups: groups, Client: true,
	}, time.Now()); err != nil {
		return "", fmt.Errorf("make a kubeconfig for user %s: %w", name, err)
	}
	return file, nil
}
