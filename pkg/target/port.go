package target

import (
	"fmt"
	"strconv"
	"strings"
)

// setPort reads PORT[/PROTOCOL] into t. Names of ports are understood where the API
// can tell their number: for services, pods and workloads.
func (t *Target) setPort(text string) error {
	port, protocol, hasProtocol := strings.Cut(text, "/")
	if hasProtocol {
		switch p := strings.ToUpper(protocol); p {
		case "TCP", "UDP":
			t.Protocol = p
		default:
			return fmt.Errorf("unknown protocol %s: tcp or udp, as in :53/udp", quote(protocol))
		}
	}
	named := t.Kind == Pod || t.Kind == Service || t.Kind == Workload
	switch {
	case port == "":
		return fmt.Errorf("a port is missing behind the colon: a number from 1 to 65535%s", orName(named))
	case digitsOnly(port):
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return fmt.Errorf("port %s is out of range: 1 to 65535", quote(port))
		}
		t.Port = uint16(number)
	case !named:
		return fmt.Errorf("port %s is not a number: names of ports are known for svc, pod and workloads only; try :80", quote(port))
	case t.Kind == Service && !validLabel(port), t.Kind != Service && !validPortName(port):
		return fmt.Errorf("%s is neither a port number (1 to 65535) nor a port's name (such as http)", quote(port))
	default:
		t.PortName = port
	}
	return nil
}

func orName(named bool) string {
	if named {
		return ", or a name such as http"
	}
	return ""
}

func digitsOnly(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
