package h1

import "bytes"

// head is what request and response heads share: the fields, and where parsing stands when the head comes in pieces.
type head struct {
	buf    []byte // the whole head once parsed
	fields []Field
	has    Set

	line    int // where the line being parsed begins
	scanned int // bytes already searched for LF, so that a head that comes byte by byte costs no more
	started bool

	length                    int64 // Content-Length, −1 when absent
	chunked                   bool
	minor                     uint8 // of the HTTP version: 0 or 1
	tokens                    int   // of Connection, in all
	close, keepAlive, upgrade bool  // tokens of Connection
	namesFields               bool  // Connection names other fields
	websocket                 bool  // Upgrade is exactly websocket
}

func (h *head) reset() {
	fields := h.fields[:0]
	*h = head{fields: fields, length: -1}
}

// nextLine finds the next whole line, without its CR LF, as offsets. An ErrIncomplete asks for more bytes.
func (h *head) nextLine(buf []byte, limit int, tooLong error) (start, end int, err error) {
	i := bytes.IndexByte(buf[h.scanned:], '\n')
	if i < 0 {
		h.scanned = len(buf)
		if len(buf) >= limit {
			return 0, 0, tooLong
		}
		return 0, 0, ErrIncomplete
	}
	lf := h.scanned + i
	if lf >= limit {
		return 0, 0, tooLong
	}
	if lf == h.line || buf[lf-1] != '\r' {
		return 0, 0, errBareLF
	}
	start, end = h.line, lf-1
	h.line, h.scanned = lf+1, lf+1
	return start, end, nil
}

// parseFields reads field lines up to the blank one and returns the length of the head.
func (h *head) parseFields(buf []byte, limits Limits, maxFields int) (n int, err error) {
	for {
		start, end, err := h.nextLine(buf, limits.Head, errHeadTooLarge)
		if err != nil {
			return 0, err
		}
		if start == end {
			return h.line, nil
		}
		if len(h.fields) >= maxFields {
			return 0, errTooManyFields
		}
		if err := h.parseField(buf, start, end); err != nil {
			return 0, err
		}
	}
}

// parseField reads one line: token ":" OWS value OWS.
func (h *head) parseField(buf []byte, start, end int) error {
	line := buf[start:end]
	if line[0] == ' ' || line[0] == '\t' {
		return errObsFold
	}
	seen := uint8(0)
	colon := 0
	for colon < len(line) {
		class := classes[line[colon]]
		if class&isToken == 0 {
			break
		}
		seen |= class
		colon++
	}
	if colon == len(line) {
		return errNoColon
	}
	if colon == 0 || line[colon] != ':' {
		return errFieldName
	}
	valueStart, valueEnd := colon+1, len(line)
	for valueStart < valueEnd && (line[valueStart] == ' ' || line[valueStart] == '\t') {
		valueStart++
	}
	for valueEnd > valueStart && (line[valueEnd-1] == ' ' || line[valueEnd-1] == '\t') {
		valueEnd--
	}
	value := line[valueStart:valueEnd]
	if !all(value, isValue) {
		return errControl
	}
	name := line[:colon]
	known := Other
	if seen&isUnderscore != 0 {
		known = identifyAlias(name)
	} else {
		known = identify(name)
	}
	repeated := known != Other && h.has.Has(known)
	h.fields = append(h.fields, Field{
		nameStart: uint32(start), nameEnd: uint32(start + colon),
		valueStart: uint32(start + valueStart), valueEnd: uint32(start + valueEnd),
		Known: known,
	})
	if known == Other {
		return nil
	}
	h.has |= 1 << known
	return h.note(known, value, repeated)
}

// note takes from a field what framing and connection handling need.
func (h *head) note(known Known, value []byte, repeated bool) error {
	switch known {
	case ContentLength:
		if repeated {
			return errLengthTwice
		}
		n, ok := parseDecimal(value)
		if !ok || len(value) > 1 && value[0] == '0' { // 010 is 8 to who reads octal
			return errLength
		}
		h.length = n
	case TransferEncoding:
		if repeated {
			return errCodingTwice
		}
		if h.minor == 0 {
			return errCodingOnOld
		}
		if !equalFold(value, "chunked") {
			return refuseCodings(value)
		}
		h.chunked = true
	case Connection:
		return h.noteConnection(value)
	case Upgrade:
		h.websocket = !repeated && equalFold(value, "websocket")
	case Trailer:
		return checkTrailerNames(value)
	}
	return nil
}

// refuseCodings says what is wrong with codings that are not exactly chunked. RFC 9112 section 6.3 demands 400 where chunked is not the last,
// and section 6.1 asks for 501 where a coding is not understood.
func refuseCodings(list []byte) error {
	chunked := false
	for more := true; more; {
		more = bytes.IndexByte(list, ',') >= 0
		var coding []byte
		coding, list = nextElement(list)
		if chunked || len(coding) == 0 || !all(coding, isToken) {
			return errCodingList
		}
		chunked = equalFold(coding, "chunked")
	}
	return errCoding
}

func (h *head) noteConnection(value []byte) error {
	for len(value) > 0 {
		var token []byte
		token, value = nextElement(value)
		if len(token) == 0 {
			continue
		}
		h.tokens++
		if h.tokens > maxConnectionTokens || !all(token, isToken) {
			return errConnection
		}
		switch {
		case equalFold(token, "close"):
			h.close = true
		case equalFold(token, "keep-alive"):
			h.keepAlive = true
		case equalFold(token, "upgrade"):
			h.upgrade = true
		default:
			h.namesFields = true
		}
	}
	return nil
}

// checkTrailerNames refuses to have framing announced for the trailers, as net/http does.
func checkTrailerNames(value []byte) error {
	for len(value) > 0 {
		var token []byte
		token, value = nextElement(value)
		if len(token) > 0 && !all(token, isToken) {
			return errTrailerField
		}
		switch identify(token) {
		case TransferEncoding, Trailer, ContentLength:
			return errTrailerField
		}
	}
	return nil
}

// finishFields marks the fields that Connection names and refuses a length together with a coding.
func (h *head) finishFields(buf []byte) error {
	if h.chunked && h.length >= 0 {
		return errLengthAndCoding
	}
	if !h.namesFields {
		return nil
	}
	for i := range h.fields {
		if h.fields[i].Known != Connection {
			continue
		}
		list := buf[h.fields[i].valueStart:h.fields[i].valueEnd]
		for len(list) > 0 {
			var token []byte
			token, list = nextElement(list)
			h.markHop(buf, token)
		}
	}
	return nil
}

func (h *head) markHop(buf, token []byte) {
	for i := range h.fields {
		f := &h.fields[i]
		if sameFold(token, buf[f.nameStart:f.nameEnd]) {
			f.hop = true
		}
	}
}

// persistent applies RFC 9112 section 9.3: HTTP/1.1 stays open unless told to close, HTTP/1.0 closes unless told to stay.
func (h *head) persistent() bool {
	if h.close {
		return false
	}
	return h.minor == 1 || h.keepAlive
}

// Has reports whether the head has at least one field of this kind.
func (h *head) Has(k Known) bool { return h.has.Has(k) }

// Value returns the first value of a known field, or nil. It points into the buffer.
func (h *head) Value(k Known) []byte {
	if !h.has.Has(k) {
		return nil
	}
	for i := range h.fields {
		if h.fields[i].Known == k {
			return h.fields[i].value(h.buf)
		}
	}
	return nil
}

// AppendList appends all values of a list-valued field, joined by ", ", for a proxy that adds itself to the list.
func (h *head) AppendList(dst []byte, k Known) []byte {
	if !h.has.Has(k) {
		return dst
	}
	first := true
	for i := range h.fields {
		f := &h.fields[i]
		if f.Known != k || f.hop || f.valueStart == f.valueEnd {
			continue
		}
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		dst = append(dst, f.value(h.buf)...)
	}
	return dst
}

// appendEndToEnd appends the fields that go further than this hop, except those the caller or the writer makes anew.
func (h *head) appendEndToEnd(dst []byte, except Set) []byte {
	except |= hopByHop | written
	for i := range h.fields {
		f := &h.fields[i]
		if f.hop || except.Has(f.Known) {
			continue
		}
		dst = append(dst, f.name(h.buf)...)
		dst = append(dst, ": "...)
		dst = append(dst, f.value(h.buf)...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

func (f *Field) name(buf []byte) []byte  { return buf[f.nameStart:f.nameEnd] }
func (f *Field) value(buf []byte) []byte { return buf[f.valueStart:f.valueEnd] }
