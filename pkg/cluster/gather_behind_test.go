package cluster

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// A host or an address among the targets may be a service's own.
func TestServiceBehind(t *testing.T) {
	own, other, dual := service("shop", "pay", "10.96.7.40"), service("elsewhere", "far", "10.96.7.41"), service("shop", "dual", "10.96.7.42")
	dual.Spec.ClusterIPs = append(dual.Spec.ClusterIPs, "fd00::42")
	headless := service("shop", "headless", corev1.ClusterIPNone)
	for _, tt := range []struct{ name, target, forbid, verb, want string }{
		{"a name", "pay:81", "", "", "shop/pay"},
		{"a name with its namespace", "far.elsewhere:81", "", "", "elsewhere/far"},
		{"its full name", "pay.shop.svc.cluster.local:81", "", "", "shop/pay"},
		{"a URL", "https://pay", "", "", "shop/pay"},
		{"headless", "headless:81", "", "", "shop/headless"},
		{"no such service", "nobody:81", "", "", ""},
		{"a domain of the world", "www.example.com:443", "", "", ""},
		{"no right to get services", "pay:81", "services", "get", ""},
		{"a ClusterIP", "10.96.7.41:81", "", "", "elsewhere/far"},
		{"one in a URL", "http://10.96.7.40/", "", "", "shop/pay"},
		{"of another family", "[fd00::42]:81", "", "", "shop/dual"},
		{"an address of nobody", "10.96.7.99:81", "", "", ""},
		{"no right to list services", "10.96.7.40:81", "services", "list", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, clientset := newFake(append(clusterObjects(), own, other, dual, headless)...)
			if tt.forbid != "" {
				forbid(clientset, tt.verb, tt.forbid)
			}
			f := gather(t, c, Request{Pod: pod("shop", "web-0", "w1", "10.244.1.3"), Targets: targets(t, tt.target)})
			got := ""
			if len(f.Targets) != 1 {
				t.Fatalf("%d targets", len(f.Targets))
			}
			if s := f.Targets[0].Service; s != nil {
				got = s.Ref().String()
			}
			if got != tt.want {
				t.Errorf("it is of service %q, want %q", got, tt.want)
			}
		})
	}
}
