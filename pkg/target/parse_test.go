package target

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var compareAddr = cmpopts.EquateComparable(netip.Addr{})

func TestParse(t *testing.T) {
	addr := netip.MustParseAddr
	tests := []struct {
		raw       string
		want      Target // without Raw
		canonical string
	}{
		{"pod/x", Target{Kind: Pod, Name: "x"}, "pod/x"},
		{"po/web-0", Target{Kind: Pod, Name: "web-0"}, "pod/web-0"},
		{"Pod/web-0", Target{Kind: Pod, Name: "web-0"}, "pod/web-0"},
		{"pods/shop/web-0:http", Target{Kind: Pod, Namespace: "shop", Name: "web-0", PortName: "http"}, "pod/shop/web-0:http"},
		{"pod/web.0", Target{Kind: Pod, Name: "web.0"}, "pod/web.0"},
		{"svc/api:80", Target{Kind: Service, Name: "api", Port: 80}, "svc/api:80"},
		{"service/api", Target{Kind: Service, Name: "api"}, "svc/api"},
		{"services/kube-system/kube-dns:53/udp", Target{Kind: Service, Namespace: "kube-system", Name: "kube-dns", Port: 53, Protocol: "UDP"}, "svc/kube-system/kube-dns:53/udp"},
		{"svc/kube-dns:53/TCP", Target{Kind: Service, Name: "kube-dns", Port: 53, Protocol: "TCP"}, "svc/kube-dns:53/tcp"},
		{"svc/kube-dns:dns-tcp/tcp", Target{Kind: Service, Name: "kube-dns", PortName: "dns-tcp", Protocol: "TCP"}, "svc/kube-dns:dns-tcp/tcp"},
		{"svc/a:a-port-name-longer-than-fifteen", Target{Kind: Service, Name: "a", PortName: "a-port-name-longer-than-fifteen"}, "svc/a:a-port-name-longer-than-fifteen"},
		{"svc/kube-dns/udp", Target{Kind: Service, Namespace: "kube-dns", Name: "udp"}, "svc/kube-dns/udp"},
		{"node/w1", Target{Kind: Node, Name: "w1"}, "node/w1"},
		{"no/ip-10-0-0-1.eu.example:10250", Target{Kind: Node, Name: "ip-10-0-0-1.eu.example", Port: 10250}, "node/ip-10-0-0-1.eu.example:10250"},
		{"deploy/web", Target{Kind: Workload, Resource: "deployments", Name: "web"}, "deployment/web"},
		{"deployment.apps/web:http", Target{Kind: Workload, Resource: "deployments", Name: "web", PortName: "http"}, "deployment/web:http"},
		{"sts/shop/db:5432", Target{Kind: Workload, Resource: "statefulsets", Namespace: "shop", Name: "db", Port: 5432}, "statefulset/shop/db:5432"},
		{"ds/agent", Target{Kind: Workload, Resource: "daemonsets", Name: "agent"}, "daemonset/agent"},
		{"rs/web-7d9f", Target{Kind: Workload, Resource: "replicasets", Name: "web-7d9f"}, "replicaset/web-7d9f"},
		{"job/migrate", Target{Kind: Workload, Resource: "jobs", Name: "migrate"}, "job/migrate"},
		{"10.0.0.1", Target{Kind: IP, Addr: addr("10.0.0.1")}, "10.0.0.1"},
		{"10.0.0.1:53/udp", Target{Kind: IP, Addr: addr("10.0.0.1"), Port: 53, Protocol: "UDP"}, "10.0.0.1:53/udp"},
		{"fd00::1", Target{Kind: IP, Addr: addr("fd00::1")}, "fd00::1"},
		{"[fd00::1]", Target{Kind: IP, Addr: addr("fd00::1")}, "fd00::1"},
		{"[FD00:0::1]:53/udp", Target{Kind: IP, Addr: addr("fd00::1"), Port: 53, Protocol: "UDP"}, "[fd00::1]:53/udp"},
		{"::ffff:10.0.0.1", Target{Kind: IP, Addr: addr("10.0.0.1")}, "10.0.0.1"},
		{"example.com", Target{Kind: Host, Host: "example.com"}, "example.com"},
		{"Example.COM.:443", Target{Kind: Host, Host: "example.com.", Port: 443}, "example.com.:443"},
		{"localhost", Target{Kind: Host, Host: "localhost"}, "localhost"},
		{"web:80", Target{Kind: Host, Host: "web", Port: 80}, "web:80"},
		{"_dns._udp.kube-dns.kube-system.svc:53/udp", Target{Kind: Host, Host: "_dns._udp.kube-dns.kube-system.svc", Port: 53, Protocol: "UDP"}, "_dns._udp.kube-dns.kube-system.svc:53/udp"},
		{"https://Example.com/health?a=b#c", Target{Kind: URL, Host: "example.com", URL: "https://example.com/health?a=b", Protocol: "TCP"}, "https://example.com/health?a=b"},
		{"HTTP://web:8080", Target{Kind: URL, Host: "web", Port: 8080, URL: "http://web:8080", Protocol: "TCP"}, "http://web:8080"},
		{"http://[fd00::1]:80/", Target{Kind: URL, Addr: addr("fd00::1"), Port: 80, URL: "http://[fd00::1]:80/", Protocol: "TCP"}, "http://[fd00::1]:80/"},
		{"https://10.0.0.1", Target{Kind: URL, Addr: addr("10.0.0.1"), URL: "https://10.0.0.1", Protocol: "TCP"}, "https://10.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.raw, func(t *testing.T) {
			got, err := Parse(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Raw = tt.raw
			if diff := cmp.Diff(tt.want, got, compareAddr); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.String() != tt.canonical {
				t.Errorf("String() = %q, want %q", got.String(), tt.canonical)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	long := strings.Repeat("a", 64)
	tests := []struct {
		name string
		raw  string
		want string // a part of the error
	}{
		{"empty", "", "nothing given"},
		{"kind alone", "pod", "pod/NAME"},
		{"kind without name", "svc/", "svc/NAME"},
		{"kind with a colon", "pod:web", "not a number"},
		{"mistyped kind", "scv/web:80", `unknown kind "scv": did you mean svc/web:80?`},
		{"mistyped long kind", "sevrice/web", "did you mean service/web?"},
		{"unknown kind", "ingress/web", "kinds are pod, svc, node,"},
		{"bare word", "web", "pod/web, svc/web"},
		{"bare word that looks like a kind", "dploy", "did you mean deploy/NAME?"},
		{"three parts", "svc/a/b/c", "too many slashes"},
		{"empty part", "svc//web", `"" is no name of a namespace`},
		{"slash at the end", "pod/shop/", "pod/NAME"},
		{"node with a namespace", "node/default/w1", "a node has no namespace"},
		{"upper case name", "pod/Web", `"Web" is no name of a pod`},
		{"underscore", "svc/my_web", "is no name of a service"},
		{"service by its DNS name", "svc/web.shop.svc:80", "svc/shop/web?"},
		{"long label", "svc/" + long, "up to 63"},
		{"long name", "pod/" + strings.Repeat("a", 254), "up to 253"},
		{"bad namespace", "pod/My-NS/web", "no name of a namespace"},
		{"port 0", "svc/web:0", "1 to 65535"},
		{"port 65536", "svc/web:65536", "1 to 65535"},
		{"port beyond 64 bits", "svc/web:99999999999999999999", "1 to 65535"},
		{"negative port", "pod/web:-1", "neither a port number"},
		{"empty port", "pod/web:", "port is missing"},
		{"two ports", "pod/web:80:90", "neither a port number"},
		{"pod port name too long", "pod/web:a-port-name-longer-than-fifteen", "neither a port number"},
		{"port name without letter", "pod/web:1-2", "neither a port number"},
		{"node port name", "node/w1:kubelet", "not a number"},
		{"host port name", "example.com:http", "not a number"},
		{"protocol", "svc/dns:53/sctp", "tcp or udp"},
		{"empty protocol", "svc/dns:53/", "tcp or udp"},
		{"protocol without port", "10.0.0.1/udp", "only behind a port"},
		{"network", "10.0.0.0/24", "a network is no target"},
		{"IPv6 network", "fd00::/64", "a network is no target"},
		{"no IPv4", "10.0.0.300", "no IPv4 address"},
		{"no IPv4 with port", "10.0.0:80", "no IPv4 address"},
		{"IPv6 with port, unbracketed", "fd00::1::53", "[fd00::1]:53"},
		{"IPv6 protocol without port", "fd00::1/udp", "only behind a port"},
		{"open bracket", "[fd00::1:53", "closing bracket"},
		{"IPv4 in brackets", "[10.0.0.1]:53", "no IPv6 address"},
		{"after bracket", "[fd00::1]53", "behind the bracket"},
		{"zone", "fe80::1%eth0", "another vantage point"},
		{"unspecified", "0.0.0.0:80", "means any address"},
		{"multicast", "ff02::1", "multicast"},
		{"host with path", "example.com/health", "with https://"},
		{"host with bad label", "-a.example.com", "no host name"},
		{"host, label too long", long + ".example.com", "no host name"},
		{"host beyond ASCII", "bücher.example", "xn--"},
		{"only a port", ":80", "host is missing"},
		{"only dots", "..", "no host name"},
		{"scheme", "ftp://example.com", "only http and https"},
		{"URL without host", "https:///x", "host is missing"},
		{"URL port", "https://example.com:0/", "1 to 65535"},
		{"URL empty port", "https://example.com:/", "port is missing"},
		{"URL with zone", "http://[fe80::1%25eth0]/", "another vantage point"},
		{"URL host", "http://a_b-.c/", "no host name"},
		{"no URL", "http://[::1", "not a URL"},
		{"space", "svc/a b", "U+0020"},
		{"newline", "pod/web\n", "U+000A"},
		{"escape", "pod/\x1b[31mweb", "U+001B"},
		{"NUL", "pod/web\x00", "U+0000"},
		{"right-to-left override", "pod/\u202eweb", "U+202E"},
		{"not UTF-8", "pod/\xff\xfe", "UTF-8"},
		{"a megabyte", "pod/" + strings.Repeat("a", 1<<20), "at most 512"},
		{"a megabyte of slashes", strings.Repeat("/", 1<<20), "at most 512"},
		{"URL that grows when escaped", "http://a/" + strings.Repeat("é", 200), "once escaped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.raw)
			if err == nil {
				t.Fatalf("accepted as %+v", got)
			}
			text := err.Error()
			if !strings.Contains(text, tt.want) {
				t.Errorf("error %q does not contain %q", text, tt.want)
			}
			if strings.ContainsAny(text, "\n\r\x1b\x00\u202e") {
				t.Errorf("error is not one plain line: %q", text)
			}
			if len(text) > 500 {
				t.Errorf("error has %d characters", len(text))
			}
			if diff := cmp.Diff(Target{}, got, compareAddr); diff != "" {
				t.Errorf("a Target is returned along with the error:\n%s", diff)
			}
		})
	}
}

// A password typed into a URL must not come back in an error, whatever else is
// wrong with it.
func TestParseHidesPasswords(t *testing.T) {
	for _, raw := range []string{
		"https://jane:hunter2@example.com/",
		"https://jane:hunter2@exa mple.com/",
		"https://jane:hunter2@[::1",
		"https://jane:hunter2%zz@example.com",
		"ftp://jane:hunter2@example.com",
		"https://jane:hunter2@",
		"https://jane:hunter2@" + strings.Repeat("a", 600),
	} {
		_, err := Parse(raw)
		if err == nil {
			t.Errorf("%s: accepted", raw)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"pod/x", "svc/kube-system/kube-dns:53/udp", "10.0.0.1:53/udp", "[fd00::1]:53/udp", "::ffff:1.2.3.4",
		"example.com:443", "https://example.com:8443/a?b#c", "deployment.apps/web:http", "http://[::1%25a]/", "a//b:", "http://a/%2f?x=%",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		first, err := Parse(raw)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 600 {
				t.Fatalf("not one plain line: %q", err)
			}
			return
		}
		second, err := Parse(first.String())
		if err != nil {
			t.Fatalf("%q is accepted but its canonical form %q is not: %v", raw, first.String(), err)
		}
		if diff := cmp.Diff(first, second, compareAddr, cmpopts.IgnoreFields(Target{}, "Raw")); diff != "" {
			t.Fatalf("%q and its canonical form %q differ:\n%s", raw, first.String(), diff)
		}
		if first.String() != second.String() {
			t.Fatalf("the canonical form is not stable: %q, %q", first, second)
		}
	})
}
