package netsys

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestParseResolvConf(t *testing.T) {
	many := strings.Repeat("nameserver 10.0.0.1\n", 1000)
	tests := []struct {
		name string
		text string
		want facts.ResolvConf
	}{
		{
			"a pod's", "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
			facts.ResolvConf{
				Nameservers: []string{"10.96.0.10"}, Ndots: 5, Options: []string{"ndots:5"},
				Search: []string{"shop.svc.cluster.local", "svc.cluster.local", "cluster.local"},
			},
		},
		{"empty", "", facts.ResolvConf{Ndots: 1}},
		{"comments", "# nameserver 1.1.1.1\n ; options ndots:4\nnameserver\n", facts.ResolvConf{Ndots: 1}},
		{
			"IPv6 and scoped", "nameserver fd00::a\r\nnameserver fe80::1%eth0\nnameserver nonsense",
			facts.ResolvConf{Ndots: 1, Nameservers: []string{"fd00::a", "fe80::1%eth0", "nonsense"}},
		},
		{
			"the last search or domain counts", "domain a.example\nsearch b.example c.example\n",
			facts.ResolvConf{Ndots: 1, Search: []string{"b.example", "c.example"}},
		},
		{
			"options add up", "options ndots:2 rotate\noptions use-vc timeout:1\noptions ndots:99",
			facts.ResolvConf{Ndots: 15, Options: []string{"ndots:2", "rotate", "use-vc", "timeout:1", "ndots:99"}},
		},
		{"ndots that is no number", "options ndots:-1 ndots:x ndots:", facts.ResolvConf{Ndots: 1, Options: []string{"ndots:-1", "ndots:x", "ndots:"}}},
		{"bounded", many, facts.ResolvConf{Ndots: 1, Nameservers: strings.Fields(strings.Repeat("10.0.0.1 ", maxResolvItems))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(&tt.want, ParseResolvConf([]byte(tt.text))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func FuzzParseResolvConf(f *testing.F) {
	f.Add("nameserver 10.0.0.1\nsearch a b\noptions ndots:5")
	f.Fuzz(func(t *testing.T, text string) {
		conf := ParseResolvConf([]byte(text))
		if len(conf.Nameservers) > maxResolvItems || len(conf.Search) > maxResolvItems ||
			len(conf.Options) > maxResolvItems || conf.Ndots < 0 || conf.Ndots > maxNdots {
			t.Errorf("out of bounds: %+v", conf)
		}
	})
}
