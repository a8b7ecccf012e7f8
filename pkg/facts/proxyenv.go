package facts

import (
	"net/netip"
	"strconv"
	"strings"
)

// ProxyEnv are the variables by which many libraries send requests to a proxy
// (HTTP_PROXY, HTTPS_PROXY, NO_PROXY, in either spelling), as a container's spec has them.
// What it takes from ConfigMaps and Secrets is not read: all is empty then.
type ProxyEnv struct {
	// HTTP and HTTPS are the host and port of the proxy for that scheme, "" for none. A
	// user and password are left out.
	HTTP, HTTPS string
	// No is NO_PROXY.
	No string
}

// For is the proxy for a URL of that scheme, host and port; "" for none. Libraries do not
// agree about NO_PROXY: what any of the common ones takes for an exception is one here.
func (p ProxyEnv) For(scheme, host string, port uint16) string {
	proxy := p.HTTP
	if scheme == "https" {
		proxy = p.HTTPS
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	addr, err := netip.ParseAddr(host)
	if proxy == "" || host == "localhost" || err == nil && addr.IsLoopback() {
		return ""
	}
	for entry := range strings.FieldsFuncSeq(strings.ToLower(p.No), func(r rune) bool { return r == ',' || r == ' ' }) {
		if excepts(entry, host, addr, port) {
			return ""
		}
	}
	return proxy
}

// excepts reports whether an entry of NO_PROXY is for a host or address.
func excepts(entry, host string, addr netip.Addr, port uint16) bool {
	if name, number, found := strings.Cut(entry, ":"); found && !strings.Contains(number, ":") {
		if number != strconv.Itoa(int(port)) {
			return false
		}
		entry = name
	}
	if prefix, err := netip.ParsePrefix(entry); err == nil {
		return addr.IsValid() && prefix.Contains(addr.Unmap())
	}
	if other, err := netip.ParseAddr(strings.Trim(entry, "[]")); err == nil {
		return other == addr
	}
	entry = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(entry, "*"), "."), ".")
	return entry == "" || host == entry || strings.HasSuffix(host, "."+entry) // "*" is for all
}
