package dial

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Talk says in which protocol a port is asked for its first bytes. The zero value is
// a port whose protocol is unknown: it is connected to, and listened to for a moment.
type Talk struct {
	// Proto is a key of dialogs, or "".
	Proto string `json:"proto,omitempty"`
	// Why tells where Proto comes from: "port name web", "port 80".
	Why string `json:"why,omitempty"`
	// Sure is true for a protocol that was declared (appProtocol, a URL), false for
	// one guessed from a name or a number: then another protocol is no failure.
	Sure bool `json:"sure,omitempty"`
	// Host is the name sent in HTTP's Host and in TLS's server name; the address
	// when "".
	Host string `json:"host,omitempty"`
}

// The protocols that can be spoken. Listen stands for those in which the server
// speaks first.
const (
	protoHTTP     = "http"
	protoH2       = "h2" // HTTP/2 with prior knowledge
	protoGRPC     = "grpc"
	protoTLS      = "tls"
	protoDNS      = "dns"
	protoNTP      = "ntp"
	protoRedis    = "redis"
	protoPostgres = "postgres"
	protoListen   = "listen"
)

// named are protocols by what people call them in appProtocol and in port names.
var named = map[string]string{
	"http": protoHTTP, "ws": protoHTTP, "web": protoHTTP, "metrics": protoHTTP, "http-web": protoHTTP,
	"h2c": protoH2, "http2": protoH2, "grpc": protoGRPC, "grpcs": protoGRPC,
	"https": protoTLS, "tls": protoTLS, "wss": protoTLS, "ssl": protoTLS,
	"dns": protoDNS, "domain": protoDNS, "ntp": protoNTP,
	"redis": protoRedis, "postgres": protoPostgres, "postgresql": protoPostgres, "psql": protoPostgres,
	"mysql": protoListen, "ssh": protoListen, "smtp": protoListen, "ftp": protoListen, "imap": protoListen, "pop3": protoListen,
}

// numbered are the ports whose protocol is hardly ever another one (IANA's service
// names, and 8080, 8443, 6443 by custom).
var numbered = map[uint16]string{
	80: protoHTTP, 8080: protoHTTP, 443: protoTLS, 8443: protoTLS, 6443: protoTLS,
	53: protoDNS, 123: protoNTP, 6379: protoRedis, 5432: protoPostgres,
	21: protoListen, 22: protoListen, 25: protoListen, 110: protoListen, 143: protoListen, 3306: protoListen,
}

// Guess chooses the protocol of a port by its appProtocol, else its name, else the
// first of its numbers that tells: the endpoint's own, then the service's.
func Guess(appProtocol, portName string, ports ...uint16) Talk {
	if appProtocol != "" {
		name := strings.TrimPrefix(strings.ToLower(appProtocol), "kubernetes.io/")
		// A declared protocol that is not known here must not be overruled by a guess.
		return Talk{Proto: named[name], Why: "appProtocol " + Clean(appProtocol, 40), Sure: true}
	}
	// "http-admin" is a custom that service meshes made general.
	name, _, _ := strings.Cut(strings.ToLower(portName), "-")
	if proto := named[name]; proto != "" {
		return Talk{Proto: proto, Why: "port name " + Clean(portName, 40)}
	}
	for _, port := range ports {
		if proto := numbered[port]; proto != "" {
			return Talk{Proto: proto, Why: "port " + strconv.Itoa(int(port))}
		}
	}
	return Talk{}
}

// speaks tells how the protocol of a talk is known, as evidence.
func (t Talk) speaks() string {
	if t.Proto == "" {
		return "unknown"
	}
	how := "guessed from"
	if t.Sure {
		how = "says"
	}
	return fmt.Sprintf("%s (%s %s)", t.Proto, how, t.Why)
}

// overTCP says whether the first bytes of the protocol are asked for over TCP here.
func (t Talk) overTCP() bool {
	return slices.Contains([]string{protoHTTP, protoH2, protoGRPC, protoTLS, protoDNS, protoRedis, protoPostgres, protoListen}, t.Proto)
}
