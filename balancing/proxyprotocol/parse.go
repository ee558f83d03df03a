package proxyprotocol

// Parse reads the header at the beginning of buf and returns the number of its bytes; what follows is the client's. It gives
// ErrIncomplete where buf ends within the header, which is never for MaxV2 bytes, and an *Error where buf begins with anything but a
// header: a listener that expects headers must not take connections without, since their address would be the proxy's.
// It does not allocate, but for an Error.
func Parse(buf []byte) (Header, int, error) {
	if hasStart(buf, signature) {
		return parseV2(buf)
	}
	if hasStart(buf, prefix) {
		return parseV1(buf)
	}
	return Header{}, 0, refuse("connection begins with %q, expected a PROXY header (version 1 or 2)", buf[:min(len(buf), len(signature))])
}

// hasStart reports whether buf begins with start, as far as it goes.
func hasStart(buf []byte, start string) bool {
	n := min(len(buf), len(start))
	return string(buf[:n]) == start[:n]
}
