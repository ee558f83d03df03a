package h2

import (
	"bytes"
	"net/http"
)

// checkRequest applies the rules that need the whole request head (RFC 9113 section 8.3.1).
func (b *block) checkRequest(end bool) {
	if b.full || b.bad != "" {
		return
	}
	connect := string(b.method) == "CONNECT"
	switch {
	case b.seen&hasMethod == 0:
		b.malformed(":method is missing")
	case len(b.method) == 0 || !allBytes(b.method, isMethod):
		b.malformed(":method is not a token")
	case connect && b.seen != hasMethod|hasAuthority:
		b.malformed("CONNECT with :scheme or :path, or without :authority")
	case !connect && b.seen&(hasScheme|hasPath) != hasScheme|hasPath:
		b.malformed(":scheme or :path is missing")
	case !connect && !validScheme(b.scheme):
		b.malformed(":scheme is not a scheme")
	case !connect && !b.validPath():
		b.malformed(":path is neither a path nor the asterisk of OPTIONS")
	case !allBytes(b.authority, isTarget):
		b.malformed(":authority has a space, a control or '#'")
	case b.hasHost && b.seen&hasAuthority != 0 && !bytes.EqualFold(b.host, b.authority):
		b.malformed("Host differs from :authority")
	case end && b.length > 0:
		b.malformed("Content-Length of a request that has ended")
	}
}

// checkResponse applies the rules that need the whole response head (RFC 9113 section 8.3.2).
func (b *block) checkResponse(end bool) {
	if b.full || b.bad != "" {
		return
	}
	switch {
	case len(b.status) != 3 || b.status[0] < '1' || b.status[0] > '9' || !digit(b.status[1]) || !digit(b.status[2]):
		b.malformed(":status is missing or not three digits")
	case string(b.status) == "101":
		b.malformed("101 does not exist in HTTP/2")
	case b.status[0] == '1' && end:
		b.malformed("interim response that ends the stream")
	case b.status[0] == '1' && b.length >= 0:
		b.malformed("interim response with a Content-Length")
	}
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// validPath accepts origin-form and the asterisk of OPTIONS. Absolute-form, which the HTTP/1.1 parser takes, has no place here.
func (b *block) validPath() bool {
	if len(b.path) == 1 && b.path[0] == '*' {
		return string(b.method) == "OPTIONS"
	}
	return len(b.path) > 0 && b.path[0] == '/' && allBytes(b.path, isTarget)
}

// validScheme applies RFC 3986 section 3.1, lower case only.
func validScheme(scheme []byte) bool {
	if len(scheme) == 0 || scheme[0] < 'a' || scheme[0] > 'z' {
		return false
	}
	for _, c := range scheme {
		if (c < 'a' || c > 'z') && !digit(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func allBytes(b []byte, class uint8) bool {
	for _, c := range b {
		if classes[c]&class == 0 {
			return false
		}
	}
	return true
}

// appendRequest writes the request head out as HTTP/1.1. One beyond the limits is cut off so that the parser refuses it with 431.
func (b *block) appendRequest(dst []byte, end bool) []byte {
	if b.full {
		return b.appendCut(dst, "GET / HTTP/1.1\r\nhost: cut\r\n")
	}
	dst = append(dst, b.method...)
	dst = append(dst, ' ')
	if len(b.path) > 0 {
		dst = append(dst, b.path...)
	} else {
		dst = append(dst, b.authority...)
	}
	dst = append(dst, " HTTP/1.1\r\n"...)
	authority := b.authority
	if b.seen&hasAuthority == 0 {
		authority = b.host
	}
	if b.hasHost || b.seen&hasAuthority != 0 {
		dst = appendLine(dst, "host", authority)
	}
	dst = append(dst, b.lines...)
	if b.hasCookies {
		dst = appendLine(dst, "cookie", b.cookies)
	}
	if !end && b.length < 0 {
		dst = append(dst, "transfer-encoding: chunked\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// appendResponse writes the response head out as HTTP/1.1.
func (b *block) appendResponse(dst []byte, end, bodiless bool) []byte {
	if b.full {
		return b.appendCut(dst, "HTTP/1.1 502 \r\n")
	}
	dst = append(dst, "HTTP/1.1 "...)
	dst = append(dst, b.status...)
	dst = append(dst, ' ')
	dst = append(dst, http.StatusText(b.statusCode())...)
	dst = append(dst, "\r\n"...)
	dst = append(dst, b.lines...)
	switch {
	case bodiless || b.length >= 0:
	case end:
		dst = append(dst, "content-length: 0\r\n"...)
	default:
		dst = append(dst, "transfer-encoding: chunked\r\n"...)
	}
	return append(dst, "\r\n"...)
}

func (b *block) statusCode() int {
	return int(b.status[0]-'0')*100 + int(b.status[1]-'0')*10 + int(b.status[2]-'0')
}

// appendCut writes a head that passes the limit for fields if that was it, else the limit for bytes, and has no end.
func (b *block) appendCut(dst []byte, start string) []byte {
	dst = append(dst, start...)
	dst = append(dst, b.lines...)
	if b.count > b.limits.Fields {
		return dst
	}
	dst = append(dst, "cut: "...)
	for len(dst) <= b.limits.Head {
		dst = append(dst, '.')
	}
	return append(dst, "\r\n"...)
}

func appendLine(dst []byte, name string, value []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}
