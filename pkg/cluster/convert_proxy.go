package cluster

import (
	"net"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// maxNoProxy is how much of a NO_PROXY is kept. One that is longer is not known.
const maxNoProxy = 4096

// proxyEnv is where a container's environment sends requests. Nothing is said of one that
// is not known as a whole: an exception may hide in what is read from elsewhere.
func proxyEnv(c corev1.Container) facts.ProxyEnv {
	var env facts.ProxyEnv
	fields := map[string]*string{"HTTP_PROXY": &env.HTTP, "HTTPS_PROXY": &env.HTTPS, "NO_PROXY": &env.No}
	no := false
	for _, v := range c.Env {
		name := strings.ToUpper(v.Name)
		field := fields[name]
		if field == nil {
			continue
		}
		if v.ValueFrom != nil || strings.Contains(v.Value, "$(") || len(v.Value) > maxNoProxy {
			return facts.ProxyEnv{}
		}
		value := plain(v.Value, maxNoProxy)
		if name != "NO_PROXY" {
			*field = proxyAddress(value)
			continue
		}
		no = true
		if *field != "" { // in the other spelling: some libraries read this one, some that
			value = *field + "," + value
		}
		*field = value
	}
	if !no && len(c.EnvFrom) > 0 {
		return facts.ProxyEnv{}
	}
	return env
}

// proxyAddress is the host and port of a proxy's URL, "" for one that is spoken to
// otherwise than in plain HTTP.
func proxyAddress(value string) string {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	return plain(net.JoinHostPort(u.Hostname(), port), maxWord)
}
