package headroom

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// findings collects what is wrong, at most once for each path: the first word on a path is the most specific one.
type findings struct{ errors []error }

func (f *findings) add(errs ...error) {
	for _, err := range errs {
		invalid, ok := err.(*InvalidError)
		known := ok && slices.ContainsFunc(f.errors, func(other error) bool {
			already, ok := other.(*InvalidError)
			return ok && already.Field == invalid.Field
		})
		if !known {
			f.errors = append(f.errors, err)
		}
	}
}

// positive refuses a duration of zero.
func positive(path string, d Duration, example string) []error {
	if d > 0 {
		return nil
	}
	return []error{&InvalidError{Field: path, Value: strconv.Quote(d.String()), Expected: "must be more than 0, such as " + strconv.Quote(example)}}
}

// listenAddress refuses what cannot be listened on. The host may be empty (every address), the port 0 (any free one).
func listenAddress(path, address string) []error {
	wrong := checkAddress(address, 0)
	if wrong == "" {
		return nil
	}
	return []error{&InvalidError{Field: path, Value: quoteUnlessEmpty(address),
		Expected: wrong + `; write host:port, such as "127.0.0.1:8080"`}}
}

// checkAddress says in words what is wrong with host:port, or "" where nothing is. A backend (lowestPort 1) needs a
// host, a listener (lowestPort 0) does not.
func checkAddress(address string, lowestPort int) string {
	if address == "" {
		return "must be given"
	}
	if strings.Contains(address, "://") {
		return "must be an address without scheme"
	}
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		if strings.Count(address, ":") > 1 && !strings.Contains(address, "[") {
			return "must have an IPv6 address in brackets, [::1]:8080"
		}
		return "must have a port"
	}
	port, err := strconv.Atoi(portText)
	if err != nil || port < lowestPort || port > 65535 {
		return "must have a port of " + strconv.Itoa(lowestPort) + " to 65535"
	}
	if host == "" && lowestPort > 0 {
		return "must have a host"
	}
	if host != "" && net.ParseIP(strings.Split(host, "%")[0]) == nil && !isHostName(host) {
		return "must have an IP address or host name before the port"
	}
	return ""
}

func quoteUnlessEmpty(text string) string {
	if text == "" {
		return ""
	}
	return strconv.Quote(text)
}

// isDNSLabel tells whether a name is a label as in RFC 1123 §2.1, in lower case: it becomes part of replica names,
// metric labels and, on Kubernetes, of object names.
func isDNSLabel(name string) bool {
	if len(name) == 0 || len(name) > 63 || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}

// isHostName tells whether a name is made of labels as in RFC 1123 §2.1; underscores are taken as well, since
// container networks use them.
func isHostName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.ToLower(name), ".") {
		if !isDNSLabel(strings.ReplaceAll(label, "_", "x")) {
			return false
		}
	}
	return true
}
