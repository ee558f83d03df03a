// Package proxyprotocol reads and writes HAProxy's PROXY protocol, versions 1 and 2: what a proxy sends ahead of all else on a TCP
// connection so that the other side learns the client's address
// (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, "the specification" below).
//
// A header decides who a client is held to be. So whatever could be read in two ways is refused, and so is what the
// specification tells senders not to send. The package has no state and does no input or output.
package proxyprotocol

import "net/netip"

// Bounds of a header, bytes.
const (
	// MaxV1 is the longest header of version 1: "PROXY UNKNOWN", two addresses of 39 characters, two ports, spaces and CR LF.
	MaxV1 = 107
	// MaxV2 is the longest header of version 2 that is taken. The format allows 16+65535; with each known TLV at its longest a
	// header has less than 1 KB, and one that arrives slowly occupies a buffer of this size.
	MaxV2 = 4096
)

// Header is what a header says.
type Header struct {
	// Local means that the header tells no address (LOCAL, UNKNOWN, an unspecified family, a unix socket), so those of the
	// connection itself hold. Health checks of proxies are so.
	Local bool
	// Source is the client, Destination where it connected to. IPv4-mapped IPv6 addresses are given as IPv4 ones, so that a client
	// is one and the same in limits and lists of networks. Zero where Local.
	Source, Destination netip.AddrPort
}
