package compress

import "bytes"

// Changed names the fields that a compressed response loses, since they describe the plain bytes: it can be given to h1 as what to leave out of
// the head. Content-Length is the writer's; ETag comes back weak by AppendFields. A part of the compressed bytes cannot be asked for, so
// Accept-Ranges goes as well.
type Changed struct{}

// Removes implements h1.Dropper.
func (Changed) Removes(name []byte) bool {
	switch len(name) {
	case 4:
		return equalFold(name, "etag")
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

// AppendFields appends the lines of a response that varies by Accept-Encoding, beside those that the backend sent: Vary where that does not
// say so already and, where the response is compressed, Content-Encoding and the ETag as a weak one (RFC 9110 section 8.8.3.3: the same tag
// must not stand for other bytes). vary and etag are the backend's values, all of them and the first.
func AppendFields(dst []byte, coding Coding, vary, etag []byte) []byte {
	if !hasToken(vary, "accept-encoding") && !hasToken(vary, "*") {
		dst = append(dst, "Vary: Accept-Encoding\r\n"...)
	}
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
