package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// detailed is the command whose calls are listed one by one.
const detailed = "pod calls --to svc/web"

// commands are those whose calls are counted.
var commands = []string{"pod calls", detailed, "service web", "dns --from pod/calls", "policy calls svc/web", "node w1"}

// CountCalls runs each command through a counting proxy, and returns what passed.
func (b *Bed) CountCalls(ctx context.Context) (traffic map[string]Traffic, err error) {
	proxy, err := NewProxy(b.config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, proxy.Close()) }()
	dir, err := os.MkdirTemp("", "netlook-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := clientcmd.WriteToFile(proxyConfig(proxy.URL), kubeconfig); err != nil {
		return nil, err
	}
	traffic = map[string]Traffic{}
	for _, command := range commands {
		args := append([]string{"netlook", "--kubeconfig", kubeconfig, "-n", namespace}, strings.Fields(command)...)
		// The first run makes the second a repeat, which finds its probe warm.
		for range 2 {
			proxy.Reset()
			if _, err := b.run(ctx, []int{1}, "kubectl", args...); err != nil {
				return nil, err
			}
		}
		traffic[command] = proxy.Traffic()
		if traffic[command].Calls == 0 {
			return nil, fmt.Errorf("netlook %s: nothing passed the proxy", command)
		}
	}
	return traffic, nil
}

func proxyConfig(url string) clientcmdapi.Config {
	config := clientcmdapi.NewConfig()
	config.Clusters["bench"] = &clientcmdapi.Cluster{Server: url}
	config.Contexts["bench"] = &clientcmdapi.Context{Cluster: "bench"}
	config.CurrentContext = "bench"
	return *config
}

// compare puts the counts of the plain and the filled cluster beside each other.
func compare(plain, filled map[string]Traffic) []Calls {
	var list []Calls
	for _, command := range commands {
		if _, counted := plain[command]; counted {
			list = append(list, Calls{Command: command, Plain: plain[command], Filled: filled[command]})
		}
	}
	return list
}
