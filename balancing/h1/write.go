package h1

import "strconv"

// AppendField appends one line. The value must come from a parsed head or from the program: it is not checked again.
func AppendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// AppendFraming appends Content-Length or Transfer-Encoding for a body of this kind; nothing for NoBody and UntilClose.
func AppendFraming(dst []byte, f Framing) []byte {
	switch f.Kind {
	case LengthBody:
		return appendLength(dst, f.Length)
	case ChunkedBody:
		return append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	return dst
}

func appendLength(dst []byte, n int64) []byte {
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, "\r\n"...)
}

// AppendChunkStart appends the size line of a chunk of n > 0 bytes. "\r\n" follows the data.
func AppendChunkStart(dst []byte, n int) []byte {
	dst = strconv.AppendUint(dst, uint64(n), 16)
	return append(dst, "\r\n"...)
}

// AppendStatusLine appends a status line of our own.
func AppendStatusLine(dst []byte, status int) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, StatusText(status)...)
	return append(dst, "\r\n"...)
}
