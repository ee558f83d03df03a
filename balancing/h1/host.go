package h1

import (
	"bytes"
	"net/netip"
)

// validHost accepts a name or IPv4 address of letters, digits and "-._~", or an IPv6 address in brackets, each with an optional port
// of 1 to 65535. RFC 3986 allows more characters in a name; none of them occur in DNS and some ('@', ',', '%') split parsers.
func validHost(host []byte) bool {
	if len(host) == 0 || len(host) > 262 { // 255 of a name, 7 of a port
		return false
	}
	if host[0] == '[' {
		end := bytes.IndexByte(host, ']')
		if end < 0 || !validIPv6(host[1:end]) {
			return false
		}
		return validPort(host[end+1:])
	}
	end := 0
	for end < len(host) && classes[host[end]]&isHost != 0 {
		end++
	}
	return end > 0 && validPort(host[end:])
}

func validIPv6(b []byte) bool {
	for _, c := range b {
		if c == '%' {
			return false // zones have no meaning to another machine
		}
	}
	addr, err := netip.ParseAddr(string(b))
	return err == nil && addr.Is6()
}

// validPort accepts nothing, or ':' and a port.
func validPort(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	if b[0] != ':' || len(b) > 6 {
		return false
	}
	port, ok := parseDecimal(b[1:])
	return ok && port >= 1 && port <= 65535
}

// HostName cuts the port and a last dot from an authority and lowers the case, so that what is matched does not depend on how it is spelled. Names
// longer than the room, which the parser refuses, are nil.
func HostName(host []byte, room *[256]byte) []byte {
	if len(host) > 0 && host[0] == '[' {
		if end := bytes.IndexByte(host, ']'); end >= 0 {
			host = host[:end+1]
		}
	} else if colon := bytes.IndexByte(host, ':'); colon >= 0 {
		host = host[:colon]
	}
	if len(host) > 1 && host[len(host)-1] == '.' {
		host = host[:len(host)-1]
	}
	if len(host) > len(room) {
		return nil
	}
	for i, c := range host {
		room[i] = lower(c)
	}
	return room[:len(host)]
}
