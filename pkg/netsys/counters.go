package netsys

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// ProcNet is where the kernel shows the counters of the network namespace of whoever
// reads it (proc(5)).
const ProcNet = "/proc/net"

const (
	maxCounterFile = 1 << 20
	maxCounters    = 16384
)

// gauges are the values of /proc/net/snmp that go up and down, or that are settings.
var gauges = map[string]bool{
	"ip.Forwarding": true, "ip.DefaultTTL": true, "tcp.RtoAlgorithm": true, "tcp.RtoMin": true,
	"tcp.RtoMax": true, "tcp.MaxConn": true, "tcp.CurrEstab": true,
}

// groups are the tables of /proc/net/snmp and /proc/net/netstat that are read, with
// their name in facts.Kernel.Counters.
var groups = map[string]string{
	"Ip": "ip", "IpExt": "ip", "Icmp": "icmp", "Tcp": "tcp", "TcpExt": "tcpext", "Udp": "udp",
}

// groups6 are those of /proc/net/snmp6.
var groups6 = []struct{ prefix, group string }{{"Ip6", "ip6"}, {"Icmp6", "icmp6"}, {"Udp6", "udp6"}}

// Counters reads the counters below root (ProcNet in earnest), and adds those of links.
// A file that does not exist or cannot be read is left out; the error names the first
// one only when nothing at all could be read.
func Counters(root fs.FS, links []facts.Link) (map[string]uint64, error) {
	c := counters{}
	var failed error
	for _, source := range []struct {
		file string
		add  func(io.Reader)
	}{
		{"snmp", c.addPairs},
		{"netstat", c.addPairs},
		{"snmp6", c.addLines},
		{"softnet_stat", c.addSoftnet},
		{"stat/nf_conntrack", func(r io.Reader) { c.addColumns("conntrack", r) }},
		{"stat/arp_cache", func(r io.Reader) { c.addColumns("arp", r) }},
		{"stat/ndisc_cache", func(r io.Reader) { c.addColumns("ndisc", r) }},
	} {
		f, err := root.Open(source.file)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		source.add(io.LimitReader(f, maxCounterFile))
		_ = f.Close()
	}
	c.addLinks(links)
	if len(c) == 0 {
		return nil, failed
	}
	return c, nil
}

// TCPCounters are those of Counters that /proc/net/netstat alone has: one small file, for
// whoever asks often.
func TCPCounters(root fs.FS) (map[string]uint64, error) {
	f, err := root.Open("netstat")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := counters{}
	c.addPairs(io.LimitReader(f, maxCounterFile))
	return c, nil
}

type counters map[string]uint64

func (c counters) add(name string, value uint64) {
	if _, known := c[name]; known || len(c) < maxCounters {
		c[name] += value
	}
}

// addPairs reads pairs of lines, "Ip: NAME NAME" and "Ip: VALUE VALUE"
// (net/ipv4/proc.c).
func (c counters) addPairs(r io.Reader) {
	lines := scan(r)
	var names []string
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if len(names) != len(fields) || names[0] != fields[0] {
			names = fields
			continue
		}
		group, wanted := groups[strings.TrimSuffix(fields[0], ":")]
		for i := 1; wanted && i < len(fields); i++ {
			name := group + "." + names[i]
			// Values below zero are settings too (Tcp MaxConn).
			if value, err := strconv.ParseUint(fields[i], 10, 64); err == nil && !gauges[name] {
				c.add(name, value)
			}
		}
		names = nil
	}
}

// addLines reads lines "Ip6InReceives VALUE" (net/ipv6/proc.c); counts by ICMP type
// are left out.
func (c counters) addLines(r io.Reader) {
	lines := scan(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 2 || strings.HasPrefix(fields[0], "Icmp6InType") || strings.HasPrefix(fields[0], "Icmp6OutType") {
			continue
		}
		value, err := strconv.ParseUint(fields[1], 10, 64)
		for _, g := range groups6 {
			if name, ok := strings.CutPrefix(fields[0], g.prefix); ok && err == nil {
				c.add(g.group+"."+name, value)
			}
		}
	}
}

// addSoftnet sums up what all processors took from their backlogs: hexadecimal columns
// without a heading (net/core/net-procfs.c, softnet_seq_show). These are the machine's,
// not the namespace's.
func (c counters) addSoftnet(r io.Reader) {
	names := []string{"softnet.processed", "softnet.dropped", "softnet.timeSqueeze"}
	lines := scan(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		for i, name := range names[:min(len(names), len(fields))] {
			if value, err := strconv.ParseUint(fields[i], 16, 64); err == nil {
				c.add(name, value)
			}
		}
	}
}

// addColumns sums up a table of one line a processor under a line of headings, in
// hexadecimal (net/netfilter/nf_conntrack_standalone.c; net/core/neighbour.c). The
// column "entries" is no counter, and the same in each line.
func (c counters) addColumns(group string, r io.Reader) {
	lines := scan(r)
	if !lines.Scan() {
		return
	}
	names := strings.Fields(lines.Text())
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		for i := 0; i < len(fields) && i < len(names); i++ {
			if value, err := strconv.ParseUint(fields[i], 16, 64); err == nil && names[i] != "entries" {
				c.add(group+"."+names[i], value)
			}
		}
	}
}

// addLinks takes over the counters that interfaces carry.
func (c counters) addLinks(links []facts.Link) {
	for _, l := range links {
		dev := "dev." + l.Name + "."
		c.add(dev+"rxPackets", l.RxPackets)
		c.add(dev+"txPackets", l.TxPackets)
		c.add(dev+"rxErrors", l.RxErrors)
		c.add(dev+"txErrors", l.TxErrors)
		c.add(dev+"rxDropped", l.RxDropped)
		c.add(dev+"txDropped", l.TxDropped)
	}
}

// scan reads lines; those of /proc/net/netstat are longer than bufio's default allows
// for on kernels to come.
func scan(r io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxCounterFile)
	return lines
}
