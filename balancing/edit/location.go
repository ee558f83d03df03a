package edit

import (
	"bytes"
	"strings"
)

// location is a compiled redirect.
type location struct {
	parts     []part
	isPath    bool // no scheme and authority: it must not come to begin with two slashes, which would be an authority
	keepsRest bool // it ends with a slash
	keepsLine bool // it has no query of its own, so the client's is appended
}

type part struct {
	text string
	from placeholder
}

// placeholder is a part of a redirect that is taken from the request; noPlaceholder is text.
type placeholder uint8

const (
	noPlaceholder placeholder = iota
	hostPlaceholder
	pathPlaceholder
	queryPlaceholder
)

// placeholderOf recognizes {host}, {path} and {query}.
func placeholderOf(text string) (placeholder, int) {
	for p, name := range [...]string{hostPlaceholder: "{host}", pathPlaceholder: "{path}", queryPlaceholder: "{query}"} {
		if name != "" && strings.HasPrefix(text, name) {
			return placeholder(p), len(name)
		}
	}
	return noPlaceholder, 0
}

// request is what a redirect may take from a request.
type request struct{ host, path, rest, query []byte }

func newLocation(to string) location {
	hasQuery := strings.Contains(to, "?") || strings.Contains(to, "{query}")
	l := location{isPath: to[0] == '/', keepsRest: strings.HasSuffix(to, "/") && !hasQuery, keepsLine: !hasQuery}
	for to != "" {
		if from, n := placeholderOf(to); n > 0 {
			l.parts = append(l.parts, part{from: from})
			to = to[n:]
			continue
		}
		end := len(to)
		if i := strings.IndexByte(to[1:], '{'); i >= 0 {
			end = i + 1
		}
		l.parts = append(l.parts, part{text: to[:end]})
		to = to[end:]
	}
	return l
}

// append appends the value of Location. Whatever the client sent, it can neither end the line nor choose the authority: the path is in normal
// form and begins with one slash, and all but the characters of URLs is escaped.
func (l location) append(dst []byte, r request) []byte {
	start := len(dst)
	for _, p := range l.parts {
		switch p.from {
		case hostPlaceholder:
			dst = appendHost(dst, r.host)
		case pathPlaceholder:
			dst = append(dst, r.path...)
		case queryPlaceholder:
			dst = appendQuery(dst, bytes.TrimPrefix(r.query, []byte("?")))
		default:
			dst = append(dst, p.text...)
		}
	}
	if l.keepsRest {
		dst = appendRest(dst, r.rest)
	}
	if l.keepsLine {
		dst = appendQuery(dst, r.query)
	}
	if l.isPath {
		dst = oneSlash(dst, start)
	}
	return dst
}

// oneSlash makes of several slashes at the beginning one.
func oneSlash(dst []byte, start int) []byte {
	more := 0
	for start+1+more < len(dst) && dst[start+1+more] == '/' {
		more++
	}
	return append(dst[:start+1], dst[start+1+more:]...)
}

// appendHost appends a host without its port: who redirects to another scheme means that one's port. An empty authority would let browsers
// take the first segment of the path for it (https:///evil.example/ is https://evil.example/ to them), so there is always a name.
func appendHost(dst, host []byte) []byte {
	before := len(dst)
	if end := bytes.LastIndexByte(host, ':'); end >= 0 && end > bytes.LastIndexByte(host, ']') {
		host = host[:end]
	}
	for _, c := range host {
		if isUnreserved(c) || c == ':' || c == '[' || c == ']' {
			dst = append(dst, c)
		}
	}
	if len(dst) == before {
		dst = append(dst, "localhost"...)
	}
	return dst
}

// appendQuery escapes what RFC 3986 section 3.4 does not allow in a query.
func appendQuery(dst, query []byte) []byte {
	for _, c := range query {
		if pathBytes[c] || c == '?' {
			dst = append(dst, c)
			continue
		}
		dst = appendEscape(dst, c)
	}
	return dst
}
