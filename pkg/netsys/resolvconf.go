package netsys

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Limits of what is read of a resolv.conf. resolv.conf(5) allows three nameservers;
// more are kept, because seeing that there are too many is worth something.
const (
	maxResolvConf  = 64 << 10 // bytes
	maxResolvItems = 64       // nameservers, search domains, options each
	maxNdots       = 15       // what the resolver library caps it at
)

// ReadResolvConf reads the resolver's configuration at path, usually
// /etc/resolv.conf.
func ReadResolvConf(path string) (*facts.ResolvConf, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the resolver's configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxResolvConf))
	if err != nil {
		return nil, fmt.Errorf("read the resolver's configuration %s: %w", path, err)
	}
	return ParseResolvConf(data), nil
}

// ParseResolvConf parses the text of a resolv.conf(5). It cannot fail: lines it does
// not know are passed over, as resolvers do. Of several search or domain lines the
// last one counts. Nameservers are kept as written, also scoped IPv6 ones
// ("fe80::1%eth0"), and also what is no address at all.
func ParseResolvConf(data []byte) *facts.ResolvConf {
	conf := &facts.ResolvConf{Ndots: 1}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxResolvConf+1)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || strings.ContainsAny(fields[0][:1], "#;") {
			continue
		}
		rest := fields[1:min(len(fields), maxResolvItems+1)]
		switch fields[0] {
		case "nameserver":
			if len(conf.Nameservers) < maxResolvItems {
				conf.Nameservers = append(conf.Nameservers, rest[0])
			}
		case "domain":
			conf.Search = rest[:1]
		case "search":
			conf.Search = slices.Clone(rest)
		case "options":
			for _, option := range rest {
				addOption(conf, option)
			}
		}
	}
	return conf
}

func addOption(conf *facts.ResolvConf, option string) {
	if len(conf.Options) >= maxResolvItems {
		return
	}
	conf.Options = append(conf.Options, option)
	if value, found := strings.CutPrefix(option, "ndots:"); found {
		if n, err := strconv.Atoi(value); err == nil && n >= 0 {
			conf.Ndots = min(n, maxNdots)
		}
	}
}
