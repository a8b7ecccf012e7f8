package netsys

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	// tcpListen is TCP_LISTEN (include/net/tcp_states.h), as /proc/net/tcp writes it.
	tcpListen = "0A"
	// maxListeners is how many are kept, maxSocketTable how much of a table is read.
	maxListeners   = 256
	maxSocketTable = 8 << 20
)

// Listeners are the TCP sockets that listen in this network namespace, by /proc/net/tcp
// and tcp6 below root (ProcNet), sorted; a socket that takes both families is at [::].
// They need no right to be read. The error is that of both tables.
func Listeners(root fs.FS) ([]netip.AddrPort, error) {
	var list []netip.AddrPort
	var failures []error
	for _, table := range []string{"tcp", "tcp6"} {
		found, err := listening(root, table)
		if err != nil {
			failures = append(failures, err)
		}
		list = append(list, found...)
	}
	slices.SortFunc(list, netip.AddrPort.Compare)
	list = slices.Compact(list)
	if len(failures) == 2 {
		return nil, errors.Join(failures...)
	}
	return list[:min(len(list), maxListeners)], nil
}

// SystemListeners are those of the vantage point.
func SystemListeners() ([]netip.AddrPort, error) { return Listeners(os.DirFS(ProcNet)) }

func listening(root fs.FS, table string) ([]netip.AddrPort, error) {
	f, err := root.Open(table)
	if err != nil {
		return nil, fmt.Errorf("read listening sockets: %w", err)
	}
	defer f.Close()
	var list []netip.AddrPort
	lines := bufio.NewScanner(io.LimitReader(f, maxSocketTable))
	for lines.Scan() {
		// sl local_address rem_address st ... (Documentation/networking/proc_net_tcp.rst)
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != tcpListen {
			continue
		}
		if at, ok := socketAddress(fields[1]); ok {
			list = append(list, at)
		}
	}
	if err := lines.Err(); err != nil {
		return list, fmt.Errorf("read listening sockets: %w", err)
	}
	return list, nil
}

// socketAddress reads "0100007F:1F90": 32 bits at a time in the machine's byte order.
func socketAddress(text string) (netip.AddrPort, bool) {
	words, portText, found := strings.Cut(text, ":")
	port, err := strconv.ParseUint(portText, 16, 16)
	if !found || err != nil || len(words)%8 != 0 {
		return netip.AddrPort{}, false
	}
	raw, err := hex.DecodeString(words)
	if err != nil {
		return netip.AddrPort{}, false
	}
	for i := 0; i+4 <= len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), ok
}
