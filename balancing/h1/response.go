package h1

// Response is one parsed response head. Reuse it as a Request.
type Response struct {
	head
	lineDone               bool
	status                 int
	reasonStart, reasonEnd uint32
	toHead                 bool
}

// Reset makes r ready for the next head, of a response to a HEAD request or not.
func (r *Response) Reset(toHead bool) {
	r.head.reset()
	*r = Response{head: r.head, toHead: toHead}
}

// Parse reads a response head from the beginning of buf, as Request.Parse does.
func (r *Response) Parse(buf []byte, limits Limits) (n int, err error) {
	limits = limits.withDefaults()
	if !r.lineDone {
		start, end, err := r.nextLine(buf, limits.Head, errHeadTooLarge)
		if err != nil {
			return 0, err
		}
		if err := r.parseLine(buf, start, end); err != nil {
			return 0, err
		}
		r.lineDone = true
	}
	n, err = r.parseFields(buf, limits, limits.Fields)
	if err != nil {
		return 0, err
	}
	r.buf = buf[:n]
	return n, r.finishFields(r.buf)
}

// parseLine reads: version SP status [SP reason]. Many servers leave out the last space when there is no reason.
func (r *Response) parseLine(buf []byte, start, end int) error {
	line := buf[start:end]
	if len(line) < 12 || line[8] != ' ' {
		return errStatusLine
	}
	minor, err := parseVersion(line[:8])
	if err != nil {
		return err
	}
	r.minor = minor
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return errStatusLine
		}
		r.status = r.status*10 + int(c-'0')
	}
	if r.status < 100 {
		return errStatusLine
	}
	if len(line) == 12 {
		return nil
	}
	if line[12] != ' ' || !all(line[13:], isValue) {
		return errStatusLine
	}
	r.reasonStart, r.reasonEnd = uint32(start+13), uint32(end)
	return nil
}

// Status is the status code, 100 to 999.
func (r *Response) Status() int { return r.status }

// Reason is the reason phrase as sent, often empty.
func (r *Response) Reason() []byte { return r.buf[r.reasonStart:r.reasonEnd] }

// Interim reports a 1xx response that another one follows.
func (r *Response) Interim() bool { return r.status < 200 && r.status != 101 }

// Switching reports 101 Switching Protocols.
func (r *Response) Switching() bool { return r.status == 101 }

// WebSocket reports whether a 101 switches to exactly websocket.
func (r *Response) WebSocket() bool { return r.status == 101 && r.upgrade && r.websocket }

// bodiless are the responses that end with their head whatever it says (RFC 9112 section 6.3, rule 1).
func (r *Response) bodiless() bool {
	return r.toHead || r.status < 200 || r.status == 204 || r.status == 304
}

// Framing tells how the body ends.
func (r *Response) Framing() Framing {
	switch {
	case r.bodiless():
		return Framing{}
	case r.chunked:
		return Framing{Kind: ChunkedBody}
	case r.length > 0:
		return Framing{Kind: LengthBody, Length: r.length}
	case r.length == 0:
		return Framing{}
	}
	return Framing{Kind: UntilClose}
}

// Persistent reports whether the connection may carry another request after this response. It may not when a 1xx or 204 claims a
// body, which RFC 9110 section 8.6 forbids: the backend may go on to send one.
func (r *Response) Persistent() bool {
	if !r.persistent() || r.Framing().Kind == UntilClose {
		return false
	}
	if r.status < 200 || r.status == 204 {
		return !r.chunked && r.length <= 0
	}
	return true
}

// AppendHead appends the status line as HTTP/1.1 and the end-to-end fields without those in except. The caller appends its own fields,
// then framing and "\r\n".
func (r *Response) AppendHead(dst []byte, except Set) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = append(dst, byte('0'+r.status/100), byte('0'+r.status/10%10), byte('0'+r.status%10), ' ')
	dst = append(dst, r.Reason()...)
	dst = append(dst, "\r\n"...)
	if !r.chunked {
		except |= 1 << Trailer
	}
	return r.appendEndToEnd(dst, except)
}

// AppendFraming appends Content-Length or Transfer-Encoding for sending this response on. A response to HEAD and a 304 keep the length
// that they announce; 1xx and 204 have none. An UntilClose body gets nothing: a caller that wants to keep the client's connection sends
// it chunked by AppendFraming of the package.
func (r *Response) AppendFraming(dst []byte) []byte {
	if r.status < 200 || r.status == 204 {
		return dst
	}
	if r.length >= 0 {
		return appendLength(dst, r.length)
	}
	if r.bodiless() {
		return dst
	}
	return AppendFraming(dst, r.Framing())
}

// StatusText is the standard reason of the statuses that a proxy answers itself.
func StatusText(status int) string {
	switch status {
	case 100:
		return "Continue"
	case 200:
		return "OK"
	case 301:
		return "Moved Permanently"
	case 302:
		return "Found"
	case 303:
		return "See Other"
	case 307:
		return "Temporary Redirect"
	case 308:
		return "Permanent Redirect"
	case 400:
		return "Bad Request"
	case 404:
		return "Not Found"
	case 408:
		return "Request Timeout"
	case 413:
		return "Content Too Large"
	case 414:
		return "URI Too Long"
	case 417:
		return "Expectation Failed"
	case 421:
		return "Misdirected Request"
	case 431:
		return "Request Header Fields Too Large"
	case 500:
		return "Internal Server Error"
	case 501:
		return "Not Implemented"
	case 502:
		return "Bad Gateway"
	case 503:
		return "Service Unavailable"
	case 504:
		return "Gateway Timeout"
	case 505:
		return "HTTP Version Not Supported"
	}
	return ""
}

// Length is the announced Content-Length in bytes; −1 where there is none.
func (r *Response) Length() int64 { return r.length }
