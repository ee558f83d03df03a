package compress

import "bytes"

// Changed names the fields that a compressed response loses, since they describe the plain bytes, or gets anew from AppendFields: it can be given
// to h1 as what to leave out of the head. Content-Length is the writer's. A part of the compressed bytes cannot be asked for, so
// Accept-Ranges goes as well.
type Changed struct{}

// Removes implements h1.Dropper.
func (Changed) Removes(name []byte) bool {
	switch len(name) {
	case 4:
		return equalFold(name, "etag") || equalFold(name, "vary")
	case 6:
		return equalFold(name, "digest") // RFC 3230
	case 11:
		return equalFold(name, "content-md5") || equalFold(name, "repr-digest") // RFC 9530
	case 13:
		return equalFold(name, "accept-ranges")
	case 14:
		return equalFold(name, "content-digest") // RFC 9530
	}
	return false
}

// Varying names what AppendFields makes anew for a response that varies and is sent as it is: Vary alone.
type Varying struct{}

// Removes implements h1.Dropper.
func (Varying) Removes(name []byte) bool { return equalFold(name, "vary") }

// AppendFields appends the lines of a response that varies by Accept-Encoding: Vary with Accept-Encoding in it once and, where the response is
// compressed, Content-Encoding and the ETag as a weak one (RFC 9110 section 8.8.3.3: the same tag must not stand for other bytes). vary
// and etag are the backend's values, all of them and the first.
func AppendFields(dst []byte, coding Coding, vary, etag []byte) []byte {
	dst = append(dst, "Vary: "...)
	dst = append(dst, vary...)
	if !hasToken(vary, "accept-encoding") && !hasToken(vary, "*") {
		if len(vary) > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, "Accept-Encoding"...)
	}
	dst = append(dst, "\r\n"...)
	if coding == Identity {
		return dst
	}
	dst = append(dst, "Content-Encoding: "...)
	dst = append(dst, coding.String()...)
	dst = append(dst, "\r\n"...)
	if len(etag) == 0 {
		return dst
	}
	dst = append(dst, "ETag: "...)
	if !bytes.HasPrefix(etag, []byte("W/")) {
		dst = append(dst, "W/"...)
	}
	dst = append(dst, etag...)
	return append(dst, "\r\n"...)
}
