package facts

import "testing"

func TestProxyEnvFor(t *testing.T) {
	const proxy, secure = "proxy.example:3128", "proxy.example:3129"
	for _, tt := range []struct {
		scheme, host, no string
		port             uint16
		want             string
	}{
		{"http", "web.shop", "", 80, proxy},
		{"https", "web.shop", "", 443, secure},
		{"http", "web.shop", "localhost,127.0.0.1,10.0.0.0/8", 80, proxy},
		{"http", "web.shop.svc", ".svc,.cluster.local", 80, ""},
		{"http", "web.shop.svc.cluster.local.", "svc, cluster.local", 80, ""},
		{"http", "web.shop", ".svc,.cluster.local", 80, proxy},
		{"http", "web.shop", "shop", 80, ""},
		{"http", "workshop", "shop", 80, proxy},
		{"http", "web.shop", "*.shop", 80, ""},
		{"http", "web.shop", "WEB.SHOP:80", 80, ""},
		{"http", "web.shop", "web.shop:8080", 80, proxy},
		{"http", "anything", "*", 80, ""},
		{"http", "10.96.3.4", "10.96.0.0/12", 80, ""},
		{"http", "192.0.2.1", "10.96.0.0/12,192.0.2.2", 80, proxy},
		{"http", "192.0.2.1", "192.0.2.1", 80, ""},
		{"http", "fd00::1", "fd00::/64", 80, ""},
		{"http", "localhost", "", 80, ""},
		{"http", "127.0.0.1", "", 80, ""},
	} {
		env := ProxyEnv{HTTP: proxy, HTTPS: secure, No: tt.no}
		if got := env.For(tt.scheme, tt.host, tt.port); got != tt.want {
			t.Errorf("%s://%s:%d with NO_PROXY %q: %q, want %q", tt.scheme, tt.host, tt.port, tt.no, got, tt.want)
		}
	}
	if got := (ProxyEnv{}).For("http", "web.shop", 80); got != "" {
		t.Errorf("without a proxy: %q", got)
	}
}
