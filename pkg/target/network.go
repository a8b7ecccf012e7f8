package target

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// parseNetwork reads ADDRESS[:PORT[/PROTOCOL]] and HOST[:PORT[/PROTOCOL]].
func parseNetwork(raw string) (Target, error) {
	hostPort, suffix, hasSuffix := strings.Cut(raw, "/")
	host, port, hasPort, err := splitHostPort(hostPort)
	if err != nil {
		return Target{}, err
	}
	t, err := hostTarget(host)
	if err != nil {
		return Target{}, err
	}
	switch {
	case hasPort && hasSuffix:
		return t, t.setPort(port + "/" + suffix)
	case hasPort:
		return t, t.setPort(port)
	case hasSuffix && t.Kind == IP && digitsOnly(suffix):
		return Target{}, fmt.Errorf("a network is no target, only a single address: %s", t.Addr)
	case hasSuffix:
		return Target{}, fmt.Errorf("behind a slash belongs a protocol, and only behind a port: %s:53/udp; for a path give the whole URL, with https://", clip(hostPort))
	case t.Kind == Host && t.Host != "localhost" && !strings.Contains(t.Host, "."):
		return Target{}, bareWord(host)
	}
	return t, nil
}

// bareWord explains why a single word is refused: nearly always it is an object
// whose kind was forgotten, and taking it for a host would only report NXDOMAIN.
func bareWord(word string) error {
	if near := nearestKind(word); near != "" {
		return fmt.Errorf("neither an object nor a host: did you mean %s/NAME?", near)
	}
	word = strings.ToLower(clip(word))
	return fmt.Errorf("say what it is: pod/%s, svc/%s, or for a host %s.example.com or %s:80", word, word, word, word)
}

// splitHostPort cuts host:port, [v6]:port, and both without a port.
func splitHostPort(s string) (host, port string, hasPort bool, err error) {
	if inner, bracketed := strings.CutPrefix(s, "["); bracketed {
		addr, after, closed := strings.Cut(inner, "]")
		if !closed {
			return "", "", false, errors.New("a closing bracket is missing: [fd00::1]:53")
		}
		if ip, err := netip.ParseAddr(addr); err != nil || !ip.Is6() {
			return "", "", false, fmt.Errorf("%s in brackets is no IPv6 address: [fd00::1]:53", quote(addr))
		}
		if after == "" {
			return addr, "", false, nil
		}
		port, hasPort = strings.CutPrefix(after, ":")
		if !hasPort {
			return "", "", false, errors.New("behind the bracket belongs a port or nothing: [fd00::1]:53")
		}
		return addr, port, true, nil
	}
	if strings.Count(s, ":") > 1 {
		if _, err := netip.ParseAddr(s); err != nil {
			return "", "", false, errors.New("no IPv6 address, and too many colons for a host; write an IPv6 address with a port as [fd00::1]:53")
		}
		return s, "", false, nil
	}
	host, port, hasPort = strings.Cut(s, ":")
	return host, port, hasPort, nil
}

// hostTarget makes a Target of kind IP or Host.
func hostTarget(host string) (Target, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		addr, err = usableAddr(addr)
		return Target{Kind: IP, Addr: addr}, err
	}
	name, err := checkHost(host)
	return Target{Kind: Host, Host: name}, err
}

// usableAddr refuses addresses nobody can connect to, and makes 10.0.0.1 of
// ::ffff:10.0.0.1, which the kernel sends as IPv4.
func usableAddr(addr netip.Addr) (netip.Addr, error) {
	addr = addr.Unmap()
	switch {
	case addr.Zone() != "":
		return netip.Addr{}, errors.New("an interface (%...) means nothing at another vantage point; give the address alone")
	case addr.IsUnspecified():
		return netip.Addr{}, fmt.Errorf("%s means any address; give the one to reach", addr)
	case addr.IsMulticast():
		return netip.Addr{}, fmt.Errorf("%s is a multicast group; give a single address", addr)
	}
	return addr, nil
}

// checkHost returns host in lower case. Underscores are accepted, as resolvers do.
func checkHost(host string) (string, error) {
	lower := strings.ToLower(host)
	switch {
	case host == "":
		return "", errors.New("a host is missing: example.com:443")
	case !ascii(host):
		return "", fmt.Errorf("host %s has letters beyond ASCII; give its xn-- form", quote(host))
	case !validHost(lower):
		return "", fmt.Errorf("%s is no host name (labels of letters, digits and '-', up to 63 each and 253 in all): example.com", quote(host))
	case looksNumeric(lower):
		return "", fmt.Errorf("%s is no IPv4 address, and no host name ends in a number: 10.0.0.1", quote(host))
	}
	return lower, nil
}

// parseURL reads an http or https URL. The error of url.Parse is not repeated: it
// holds the URL, and with it a password that was typed.
func parseURL(raw string) (Target, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Target{}, errors.New("not a URL: https://example.com/path")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return Target{}, fmt.Errorf("only http and https URLs are known, not %s; for a bare port write HOST:PORT", quote(u.Scheme))
	case u.User != nil:
		return Target{}, errors.New("a URL with a user or password is refused: it would end up in the probe's log; give it without")
	case u.Host == "":
		return Target{}, errors.New("the host is missing: https://example.com/path")
	}
	host, port, hasPort, err := splitHostPort(u.Host)
	if err != nil {
		return Target{}, err
	}
	t, err := hostTarget(host)
	if err != nil {
		return Target{}, err
	}
	canonicalHost := t.Host
	if t.Kind == IP {
		canonicalHost = t.Addr.String()
		if t.Addr.Is6() {
			canonicalHost = "[" + canonicalHost + "]"
		}
	}
	t.Kind, t.Protocol = URL, "TCP"
	if hasPort {
		if strings.Contains(port, "/") {
			return Target{}, fmt.Errorf("port %s is not a number", quote(port))
		}
		if err := t.setPort(port); err != nil {
			return Target{}, err
		}
		canonicalHost += fmt.Sprintf(":%d", t.Port)
	}
	u.Host, u.Fragment, u.RawFragment = canonicalHost, "", ""
	t.URL = u.String()
	if len(t.URL) > MaxLength {
		return Target{}, fmt.Errorf("too long once escaped, at most %d characters are read", MaxLength)
	}
	return t, nil
}
