package cluster

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestProxyEnv(t *testing.T) {
	env := func(pairs ...string) corev1.Container {
		var c corev1.Container
		for i := 0; i < len(pairs); i += 2 {
			c.Env = append(c.Env, corev1.EnvVar{Name: pairs[i], Value: pairs[i+1]})
		}
		return c
	}
	from := func(c corev1.Container) corev1.Container {
		c.EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{}}}
		return c
	}
	secret := env("HTTP_PROXY", "http://proxy:3128", "NO_PROXY", "")
	secret.Env[1].ValueFrom = &corev1.EnvVarSource{}
	for name, tt := range map[string]struct {
		container corev1.Container
		want      facts.ProxyEnv
	}{
		"none":                                 {env("PATH", "/bin"), facts.ProxyEnv{}},
		"all":                                  {env("HTTP_PROXY", "http://proxy:3128", "https_proxy", "proxy:3129", "no_proxy", ".svc"), facts.ProxyEnv{HTTP: "proxy:3128", HTTPS: "proxy:3129", No: ".svc"}},
		"a user and a password":                {env("HTTP_PROXY", "http://jane:secret@proxy:3128/"), facts.ProxyEnv{HTTP: "proxy:3128"}},
		"no port":                              {env("HTTP_PROXY", "http://proxy"), facts.ProxyEnv{HTTP: "proxy:80"}},
		"IPv6":                                 {env("HTTP_PROXY", "http://[fd00::1]:3128"), facts.ProxyEnv{HTTP: "[fd00::1]:3128"}},
		"another protocol":                     {env("HTTP_PROXY", "socks5://proxy:1080"), facts.ProxyEnv{}},
		"no URL":                               {env("HTTP_PROXY", "http://%zz"), facts.ProxyEnv{}},
		"exceptions in both spellings":         {env("HTTP_PROXY", "proxy:3128", "NO_PROXY", ".svc", "no_proxy", "localhost"), facts.ProxyEnv{HTTP: "proxy:3128", No: ".svc,localhost"}},
		"exceptions from a Secret":             {secret, facts.ProxyEnv{}},
		"exceptions that are put in":           {env("HTTP_PROXY", "proxy:3128", "NO_PROXY", "$(HOST)"), facts.ProxyEnv{}},
		"exceptions without end":               {env("HTTP_PROXY", "proxy:3128", "NO_PROXY", strings.Repeat("x,", maxNoProxy)), facts.ProxyEnv{}},
		"a ConfigMap that may have exceptions": {from(env("HTTP_PROXY", "proxy:3128")), facts.ProxyEnv{}},
		"a ConfigMap besides":                  {from(env("HTTP_PROXY", "proxy:3128", "NO_PROXY", ".svc")), facts.ProxyEnv{HTTP: "proxy:3128", No: ".svc"}},
	} {
		if got := proxyEnv(tt.container); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}
