package proxyprotocol

import (
	"bytes"
	"net/netip"
	"strconv"
	"unsafe"
)

// prefix begins each header of version 1.
const prefix = "PROXY "

// parseV1 reads "PROXY TCP4 192.0.2.1 198.51.100.7 51000 443\r\n" (section 2.1 of the specification).
func parseV1(buf []byte) (Header, int, error) {
	text, err := line(buf)
	if err != nil {
		return Header{}, 0, err
	}
	n := len(text) + len("\r\n")
	family, rest, _ := cut(text[len(prefix):])
	if string(family) == "UNKNOWN" {
		return Header{Local: true}, n, nil // "the receiver must ignore anything presented before the CRLF"
	}
	if string(family) != "TCP4" && string(family) != "TCP6" {
		return Header{}, 0, refuse("version 1: family %q, expected TCP4, TCP6 or UNKNOWN", family)
	}
	var fields [4][]byte
	for i := range fields {
		var found bool
		fields[i], rest, found = cut(rest)
		if found == (i == len(fields)-1) {
			return Header{}, 0, refuse("version 1: %q, expected two addresses and two ports, each after one space", text)
		}
	}
	four := string(family) == "TCP4"
	source, err := addressAndPort("source", fields[0], fields[2], four)
	if err != nil {
		return Header{}, 0, err
	}
	destination, err := addressAndPort("destination", fields[1], fields[3], four)
	if err != nil {
		return Header{}, 0, err
	}
	return Header{Source: source, Destination: destination}, n, nil
}

// line is the text of a version 1 header, without CR LF.
func line(buf []byte) ([]byte, error) {
	head := buf[:min(len(buf), MaxV1)]
	end := bytes.IndexByte(head, '\n')
	if cr := bytes.IndexByte(head, '\r'); cr >= 0 && cr != len(head)-1 && end != cr+1 {
		return nil, refuse("version 1: CR without LF in %q, expected CR LF at the end", head)
	}
	if end < 0 && len(buf) >= MaxV1 {
		return nil, refuse("version 1: no end within %d bytes", MaxV1)
	}
	if end < 0 {
		return nil, ErrIncomplete
	}
	if end == 0 || head[end-1] != '\r' {
		return nil, refuse("version 1: %q ends with LF alone, expected CR LF", head[:end])
	}
	return head[:end-1], nil
}

// cut splits at the first space.
func cut(b []byte) (before, after []byte, found bool) {
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i+1:], true
	}
	return b, nil, false
}

func addressAndPort(name string, address, port []byte, four bool) (netip.AddrPort, error) {
	if bytes.IndexByte(address, '%') >= 0 { // a zone, which ParseAddr would take
		return netip.AddrPort{}, refuse("version 1: %s address %q, expected one without a zone", name, address)
	}
	// ParseAddr keeps its argument in errors alone, and those are dropped here: a string of its own would be an allocation.
	ip, err := netip.ParseAddr(unsafe.String(unsafe.SliceData(address), len(address)))
	if err != nil || ip.Is4() != four {
		return netip.AddrPort{}, refuse("version 1: %s address %q, expected one of the family given before", name, address)
	}
	number, ok := portNumber(port)
	if !ok {
		return netip.AddrPort{}, refuse("version 1: %s port %q, expected 0 to 65535 without leading zeros", name, port)
	}
	return netip.AddrPortFrom(ip.Unmap(), number), nil
}

func portNumber(digits []byte) (uint16, bool) {
	if len(digits) == 0 || len(digits) > 5 || (digits[0] == '0' && len(digits) > 1) {
		return 0, false
	}
	n := 0
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = 10*n + int(d-'0')
	}
	return uint16(n), n <= 65535
}

// AppendV1 appends a header of version 1 for a client's connection from source to destination; UNKNOWN, as health checks send, where
// one of them is not valid. Where only one is IPv4, both are written as IPv6. It appends up to 104 bytes.
func AppendV1(out []byte, source, destination netip.AddrPort) []byte {
	from, to, four := sameFamily(source.Addr(), destination.Addr())
	if !from.IsValid() {
		return append(out, "PROXY UNKNOWN\r\n"...)
	}
	if four {
		out = append(out, "PROXY TCP4 "...)
	} else {
		out = append(out, "PROXY TCP6 "...)
	}
	out = append(from.AppendTo(out), ' ')
	out = append(to.AppendTo(out), ' ')
	out = append(strconv.AppendUint(out, uint64(source.Port()), 10), ' ')
	out = strconv.AppendUint(out, uint64(destination.Port()), 10)
	return append(out, "\r\n"...)
}

// sameFamily gives both addresses in one family, without zones; zero ones if there is none.
func sameFamily(a, b netip.Addr) (netip.Addr, netip.Addr, bool) {
	if !a.IsValid() || !b.IsValid() {
		return netip.Addr{}, netip.Addr{}, false
	}
	a, b = a.Unmap().WithZone(""), b.Unmap().WithZone("")
	if a.Is4() && b.Is4() {
		return a, b, true
	}
	return netip.AddrFrom16(a.As16()), netip.AddrFrom16(b.As16()), false
}
