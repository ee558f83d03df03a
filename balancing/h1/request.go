package h1

import "bytes"

// Method is a request method that the proxy treats specially; all other tokens are MethodOther and are forwarded as they are.
type Method uint8

// The methods of RFC 9110 section 9 and PATCH. CONNECT and TRACE never come out of the parser: it refuses them.
const (
	MethodOther Method = iota
	MethodGet
	MethodHead
	MethodPost
	MethodPut
	MethodDelete
	MethodOptions
	MethodPatch
)

// Idempotent reports whether a request may be sent again when it is not known how far it came (RFC 9110 section 9.2.2).
func (m Method) Idempotent() bool {
	switch m {
	case MethodGet, MethodHead, MethodPut, MethodDelete, MethodOptions:
		return true
	}
	return false
}

// BodyKind is how the end of a body is known.
type BodyKind uint8

// The kinds of body of RFC 9112 section 6.3.
const (
	NoBody BodyKind = iota
	LengthBody
	ChunkedBody
	UntilClose // responses only
)

// Framing is the kind of a body and, for LengthBody, its bytes.
type Framing struct {
	Kind   BodyKind
	Length int64
}

// Request is one parsed request head. Reuse it: Parse resets nothing, call Reset before each new head. Everything it returns as bytes
// points into the buffer that was parsed and is valid until that buffer changes.
type Request struct {
	head
	lineDone               bool
	method                 Method
	methodStart, methodEnd uint32
	targetStart, targetEnd uint32 // origin-form, "*", or the part of an absolute-form after the authority
	hostStart, hostEnd     uint32
	absolute, bare         bool // bare: absolute-form whose path is empty
}

// Reset makes r ready for the next head.
func (r *Request) Reset() {
	r.head.reset()
	*r = Request{head: r.head}
}

// Parse reads a request head from the beginning of buf and returns its length. When buf ends before the head does it returns
// ErrIncomplete: call again with the same bytes and more after them, which may lie elsewhere in memory; parsing goes on where it
// stopped. Any other error is an *Error and final.
func (r *Request) Parse(buf []byte, limits Limits) (n int, err error) {
	limits = limits.withDefaults()
	if !r.started {
		skipped, err := skipEmptyLine(buf)
		if err != nil {
			return 0, err
		}
		if len(buf) == skipped {
			return 0, ErrIncomplete
		}
		if classes[buf[skipped]]&isToken == 0 {
			return 0, errMethod // at once: a TLS handshake sent to a plain port has no line to wait for
		}
		r.started = true
		r.line, r.scanned = skipped, skipped
	}
	if !r.lineDone {
		start, end, err := r.nextLine(buf, limits.Line, errTargetTooLong)
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
	return n, r.finish()
}

// skipEmptyLine passes over one CR LF before the request line, as RFC 9112 section 2.2 asks.
func skipEmptyLine(buf []byte) (n int, err error) {
	if len(buf) == 0 || buf[0] != '\r' {
		return 0, nil
	}
	if len(buf) == 1 {
		return 0, ErrIncomplete
	}
	if buf[1] != '\n' {
		return 0, errMethod
	}
	return 2, nil
}

// parseLine reads: method SP target SP version, each separated by exactly one space.
func (r *Request) parseLine(buf []byte, start, end int) error {
	line := buf[start:end]
	space := bytes.IndexByte(line, ' ')
	if space < 0 {
		return errRequestLine
	}
	method := line[:space]
	if len(method) == 0 || !all(method, isToken) {
		return errMethod
	}
	if len(method) > maxMethod {
		return errMethodRefused
	}
	rest := line[space+1:]
	second := bytes.IndexByte(rest, ' ')
	if second < 0 {
		return errRequestLine // HTTP/0.9 among others
	}
	target, version := rest[:second], rest[second+1:]
	if !bytes.HasPrefix(version, []byte("HTTP/")) {
		return refuseLine(line)
	}
	minor, err := parseVersion(version)
	if err != nil {
		return err
	}
	r.minor = minor
	switch string(method) {
	case "GET":
		r.method = MethodGet
	case "HEAD":
		r.method = MethodHead
	case "POST":
		r.method = MethodPost
	case "PUT":
		r.method = MethodPut
	case "DELETE":
		r.method = MethodDelete
	case "OPTIONS":
		r.method = MethodOptions
	case "PATCH":
		r.method = MethodPatch
	case "CONNECT", "TRACE":
		return errMethodRefused
	}
	r.methodStart, r.methodEnd = uint32(start), uint32(start+space)
	r.targetStart = uint32(start + space + 1)
	r.targetEnd = r.targetStart + uint32(second)
	return r.parseTarget(buf, target)
}

// refuseLine tells a line that tries to be HTTP, such as one with a space too many, from one that does not.
func refuseLine(line []byte) error {
	if bytes.Contains(line, []byte("HTTP")) || bytes.Contains(line, []byte("http")) {
		return errRequestLine
	}
	return ErrNotHTTP
}

// parseVersion accepts exactly HTTP/1.0 and HTTP/1.1; the name is case-sensitive.
func parseVersion(v []byte) (minor uint8, err error) {
	if len(v) != 8 || string(v[:5]) != "HTTP/" || v[6] != '.' || v[5] < '0' || v[5] > '9' || v[7] < '0' || v[7] > '9' {
		return 0, errVersion
	}
	if v[5] != '1' || v[7] > '1' {
		return 0, errVersionRefused
	}
	return v[7] - '0', nil
}

// parseTarget accepts origin-form, absolute-form of http and https, and the asterisk of OPTIONS (RFC 9112 section 3.2).
func (r *Request) parseTarget(buf, target []byte) error {
	if len(target) == 0 || !all(target, isTarget) {
		return errTarget
	}
	if target[0] == '/' {
		return checkPath(target)
	}
	if len(target) == 1 && target[0] == '*' {
		if r.method != MethodOptions {
			return errTarget
		}
		return nil
	}
	scheme := 0
	switch {
	case len(target) > 7 && equalFold(target[:7], "http://"):
		scheme = 7
	case len(target) > 8 && equalFold(target[:8], "https://"):
		scheme = 8
	default:
		return errTarget
	}
	authority := target[scheme:]
	if i := bytes.IndexAny(authority, "/?"); i >= 0 {
		authority = authority[:i]
	}
	if !validHost(authority) {
		return errTarget
	}
	r.absolute = true
	r.hostStart = r.targetStart + uint32(scheme)
	r.hostEnd = r.hostStart + uint32(len(authority))
	r.targetStart = r.hostEnd
	path := buf[r.targetStart:r.targetEnd]
	r.bare = len(path) == 0 || path[0] == '?'
	return checkPath(path)
}

// checkPath wants each '%' before the query to begin a whole escape, and no '\', which some servers take for a '/'.
func checkPath(path []byte) error {
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case '?':
			return nil
		case '\\':
			return errTarget
		case '%':
			if i+2 >= len(path) || hexValue(path[i+1]) < 0 || hexValue(path[i+2]) < 0 {
				return errTarget
			}
		}
	}
	return nil
}

// finish applies the rules that need the whole head.
func (r *Request) finish() error {
	if err := r.finishHost(); err != nil {
		return err
	}
	if err := r.finishFields(r.buf); err != nil {
		return err
	}
	return r.checkExpect()
}

func (r *Request) finishHost() error {
	if !r.has.Has(Host) {
		if r.minor == 1 {
			return errHostMissing
		}
		return nil
	}
	hosts := 0
	for i := range r.fields {
		f := &r.fields[i]
		if f.Known != Host {
			continue
		}
		hosts++
		host := f.value(r.buf)
		if hosts > 1 {
			return errHostTwice
		}
		if !validHost(host) {
			return errHost
		}
		if r.absolute && !sameFold(host, r.buf[r.hostStart:r.hostEnd]) {
			return errHostMismatch
		}
		r.hostStart, r.hostEnd = f.valueStart, f.valueEnd
	}
	return nil
}

// checkExpect: anything but one 100-continue is refused, because a backend that waits where we do not is a way to split requests.
func (r *Request) checkExpect() error {
	if !r.has.Has(Expect) {
		return nil
	}
	seen := 0
	for i := range r.fields {
		if r.fields[i].Known != Expect {
			continue
		}
		seen++
		if seen > 1 || !equalFold(r.fields[i].value(r.buf), "100-continue") {
			return errExpectation
		}
	}
	return nil
}

// Text is the head as it was parsed.
func (r *Request) Text() []byte { return r.buf }

// Method is the method, MethodOther for one that the package does not know.
func (r *Request) Method() Method { return r.method }

// MethodName is the method as it was sent.
func (r *Request) MethodName() []byte { return r.buf[r.methodStart:r.methodEnd] }

// Host is the authority the client asked for, from the target if that is absolute, else from Host. Nil only on HTTP/1.0.
func (r *Request) Host() []byte {
	if r.hostEnd == 0 {
		return nil
	}
	return r.buf[r.hostStart:r.hostEnd]
}

// Target is the path and query as sent, "*", or what follows the authority of an absolute-form, which may begin with '?' or be empty.
func (r *Request) Target() []byte { return r.buf[r.targetStart:r.targetEnd] }

// Minor is the minor HTTP version: 0 or 1.
func (r *Request) Minor() int { return int(r.minor) }

// Framing tells how the body ends. A request without length or coding has none (RFC 9112 section 6.3, rule 7).
func (r *Request) Framing() Framing {
	switch {
	case r.chunked:
		return Framing{Kind: ChunkedBody}
	case r.length > 0:
		return Framing{Kind: LengthBody, Length: r.length}
	}
	return Framing{}
}

// Persistent reports whether the client lets the connection be used again.
func (r *Request) Persistent() bool { return r.persistent() }

// Continue reports whether the client waits for 100 Continue before it sends its body. HTTP/1.0 clients cannot (RFC 9110 section 10.1.1).
func (r *Request) Continue() bool {
	return r.has.Has(Expect) && r.minor == 1 && r.Framing().Kind != NoBody
}

// WebSocket reports whether the client asks to upgrade to exactly websocket (RFC 6455 section 4.1). No other upgrade is known: h2c in
// particular would tunnel requests past the proxy (CVE-2026-88008).
func (r *Request) WebSocket() bool {
	return r.upgrade && r.websocket && r.method == MethodGet && r.minor == 1 && r.Framing().Kind == NoBody
}

// AppendHead appends the request line, this host, and the end-to-end fields without those in except, in the client's order and spelling.
// The caller appends its own fields, then AppendFraming and "\r\n". The version is always HTTP/1.1.
func (r *Request) AppendHead(dst, host []byte, except Set) []byte {
	dst = append(dst, r.MethodName()...)
	dst = append(dst, ' ')
	if r.bare {
		// RFC 9112 section 3.2.4: an OPTIONS for a whole server becomes an asterisk; any other empty path is "/".
		if r.method == MethodOptions && r.targetStart == r.targetEnd {
			dst = append(dst, '*')
		} else {
			dst = append(dst, '/')
		}
	}
	dst = append(dst, r.Target()...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, host...)
	dst = append(dst, "\r\n"...)
	if !r.chunked {
		except |= 1 << Trailer
	}
	return r.appendEndToEnd(dst, except)
}

// AcceptsTrailers reports whether the client says by TE that it takes trailers (RFC 9110 section 10.1.4).
func (r *Request) AcceptsTrailers() bool {
	for rest := r.Value(TE); len(rest) > 0; {
		var element []byte
		element, rest = nextElement(rest)
		if equalFold(element, "trailers") {
			return true
		}
	}
	return false
}
