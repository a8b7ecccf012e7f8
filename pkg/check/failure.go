package check

// Failure is the typed kind of a failure. The zero value is no failure.
type Failure string

// The kinds of failure. They say what was seen, not why.
const (
	Refused     Failure = "refused"      // TCP RST to a SYN, or ICMP port unreachable
	Timeout     Failure = "timeout"      // no answer at all within the deadline
	Unreachable Failure = "unreachable"  // ICMP host or net unreachable, or the neighbour does not resolve
	NoRoute     Failure = "no-route"     // the vantage point's own kernel has no way to send it
	Reset       Failure = "reset"        // connection accepted, then reset
	Closed      Failure = "closed"       // connection accepted, then closed without an answer
	Silent      Failure = "silent"       // connection accepted, then no byte within the deadline
	Undelivered Failure = "undelivered"  // connection accepted, then data that TCP itself knows to be lost, in either direction
	NXDomain    Failure = "nxdomain"     // DNS rcode 3: the name does not exist
	NoData      Failure = "nodata"       // DNS: the name exists, without an address of this family
	ServFail    Failure = "servfail"     // DNS rcode 2: the server cannot answer
	DNSRefused  Failure = "dns-refused"  // DNS rcode 5, or another rcode that is no answer
	WrongAnswer Failure = "wrong-answer" // DNS: addresses that are not those of the service
	TLS         Failure = "tls"          // handshake or certificate
	HTTP        Failure = "http"         // an HTTP status that says something is broken (5xx)
	Protocol    Failure = "protocol"     // an answer that is not of the protocol expected
	MTU         Failure = "mtu"          // a size that the interface promises does not arrive
	Loss        Failure = "loss"         // a share of the packets is lost
	Denied      Failure = "denied"       // EACCES, EPERM: the kernel did not let us
	NoEndpoint  Failure = "no-endpoint"  // nothing stands behind a service
	NotReady    Failure = "not-ready"    // an object says itself that it is not ready
	NotServing  Failure = "not-serving"  // an application says itself that it does not serve (gRPC health)
	Config      Failure = "config"       // a setting that cannot work
	NoPort      Failure = "no-port"      // EADDRNOTAVAIL, EAGAIN of connect: no local port is left
	QueueFull   Failure = "queue-full"   // more connections wait to be accepted than a listening socket may have
)

var meanings = map[Failure]string{
	Refused:     "the host answers, but nothing listens on that port (or a rule rejects it)",
	Timeout:     "packets or their answers are lost or dropped on the way; a missing process would refuse, not time out",
	Unreachable: "a router or the last hop says it cannot deliver: the address is gone, its host is down, or a rule rejects",
	NoRoute:     "this network namespace has no route to that address",
	Reset:       "something accepted the connection and then cut it: the application, a proxy, or conntrack",
	Closed:      "something accepted the connection and closed it without a word: often a proxy with nothing behind it",
	Silent:      "the kernel accepts connections but the application does not answer: hung, overloaded, or another protocol",
	Undelivered: "the connection opens, and packets with data in them are lost on the way: the peer's kernel would acknowledge them even if its application hung",
	NXDomain:    "the DNS server says that this name does not exist",
	NoData:      "the name exists, but has no address of this family",
	ServFail:    "the DNS server could not get an answer itself: its upstream or its access to the API is broken",
	DNSRefused:  "the DNS server declines to answer",
	WrongAnswer: "the DNS server gives addresses that the API does not know for this name: stale or another cluster's data",
	TLS:         "the TLS handshake or the certificate is not accepted",
	HTTP:        "the network path works; the application answers with an error of its own",
	Protocol:    "something answers, but not in the protocol expected there",
	MTU:         "packets as large as the interface allows vanish: small requests work, large ones hang",
	Loss:        "a share of the packets on this way is lost: a lost first packet costs a second, and now and then a connection",
	Denied:      "the kernel did not allow the probe to send this",
	NoEndpoint:  "nobody stands behind this service: connections to it cannot succeed",
	NotServing:  "the application answers, and says itself that it takes no requests",
	NotReady:    "Kubernetes itself says that this is not ready",
	Config:      "this setting cannot work as it is",
	NoPort:      "this network namespace has no local port left for it: the connection fails before a packet is sent",
	QueueFull:   "the application takes no connections out of its listening socket's queue: the kernel drops what comes beyond",
}

// Meaning says in one sentence what such a failure means for a person, "" for
// kinds it does not know.
func (f Failure) Meaning() string { return meanings[f] }
