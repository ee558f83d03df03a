package edit

import "bytes"

const upperHex = "0123456789ABCDEF"

// splitTarget cuts a target into its path, which is "/" where it is empty, and its query with the question mark.
func splitTarget(target []byte) (path, query []byte) {
	path = target
	if i := bytes.IndexByte(target, '?'); i >= 0 {
		path, query = target[:i], target[i:]
	}
	if len(path) == 0 {
		path = []byte("/")
	}
	return path, query
}

// NormalPath is the path of a target (path and query), as routes are found by it. The room is for that of an odd one, and grows where it must.
func NormalPath(target []byte, room *[]byte) []byte {
	path, _ := splitTarget(target)
	if isNormal(path) {
		return path
	}
	*room = appendNormal((*room)[:0], path)
	return *room
}

// isNormal reports whether a path certainly is in normal form, as nearly all are. It is wrong about some that are, such as
// "/.well-known/": those take the longer way.
func isNormal(path []byte) bool {
	slash := false
	for _, c := range path {
		if slash && (c == '/' || c == '.') || c == '%' || !pathBytes[c] {
			return false
		}
		slash = c == '/'
	}
	return true
}

// appendNormal appends the normal form of a path that begins with a slash; see the package's comment.
func appendNormal(dst, path []byte) []byte {
	base := len(dst)
	segment := base // where the segment that is being written begins
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '/' || c == '\\':
			dst = endSegment(dst, base, segment)
			if len(dst) == base || dst[len(dst)-1] != '/' {
				dst = append(dst, '/')
			}
			segment = len(dst)
		case c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]):
			decoded := unhex(path[i+1])<<4 | unhex(path[i+2])
			if isUnreserved(decoded) {
				dst = append(dst, decoded)
			} else {
				dst = appendEscape(dst, decoded)
			}
			i += 2
		case c == '%' || !pathBytes[c]:
			dst = appendEscape(dst, c)
		default:
			dst = append(dst, c)
		}
	}
	return endSegment(dst, base, segment)
}

// endSegment removes a segment that is a dot, and one that is two dots with the segment before it (RFC 3986 section 5.2.4).
func endSegment(dst []byte, base, segment int) []byte {
	switch string(dst[segment:]) {
	case ".":
		return dst[:segment]
	case "..":
		if segment-base <= 1 {
			return dst[:segment] // there is nothing above the root
		}
		before := bytes.LastIndexByte(dst[base:segment-1], '/')
		return dst[:base+before+1]
	}
	return dst
}

func appendEscape(dst []byte, c byte) []byte {
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}

// isUnreserved is RFC 3986 section 2.3.
func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// pathBytes are those of isPathByte: each byte of each path is looked up. It is read only.
var pathBytes = buildPathBytes()

func buildPathBytes() (t [256]bool) {
	for c := range t {
		t[c] = isPathByte(byte(c))
	}
	return t
}

// isPathByte is pchar of RFC 3986 section 3.3, the slash, and the percent sign of an escape.
func isPathByte(c byte) bool {
	if isUnreserved(c) {
		return true
	}
	switch c {
	case '/', '%', ':', '@', '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=':
		return true
	}
	return false
}
