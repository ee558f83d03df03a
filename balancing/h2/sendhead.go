package h2

import "bytes"

// sendHead is a head to send, taken apart and checked before anything of it is encoded: the encoder's table must not know a field
// that the peer's does not.
type sendHead struct {
	fields []sendField
	names  []byte // those that are not known, in lower case
	host   []byte
}

// sendField is one field line.
type sendField struct {
	known *fieldName // nil: the name is in names
	name  span
	value []byte
}

// parseLines takes field lines up to a blank one or the end.
func (h *sendHead) parseLines(lines []byte) bool {
	h.fields, h.names, h.host = h.fields[:0], h.names[:0], nil
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n')
		if end < 1 || lines[end-1] != '\r' {
			return false
		}
		line := lines[:end-1]
		lines = lines[end+1:]
		if len(line) == 0 {
			return len(lines) == 0
		}
		if !h.parseField(line) {
			return false
		}
	}
	return true
}

func (h *sendHead) parseField(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 { // a pseudo-header field too
		return false
	}
	value := trim(line[colon+1:])
	if bytes.IndexByte(value, '\r') >= 0 || bytes.IndexByte(value, 0) >= 0 {
		return false
	}
	known := fieldNames[string(line[:colon])] // in lower case already if it came by HTTP/2
	if known == nil {
		start := len(h.names)
		if !h.lowerName(line[:colon]) {
			return false
		}
		if known = fieldNames[string(h.names[start:])]; known == nil {
			h.fields = append(h.fields, sendField{name: span{start, len(h.names)}, value: value})
			return true
		}
		h.names = h.names[:start]
	}
	switch known.role {
	case hop, hopOld:
		return true
	case te:
		if !bytes.EqualFold(value, []byte("trailers")) {
			return true
		}
	case host:
		h.host = value
		return true
	}
	h.fields = append(h.fields, sendField{known: known, value: value})
	return true
}

// lowerName appends a name to names in lower case; false if it is not a name.
func (h *sendHead) lowerName(name []byte) bool {
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if classes[c]&isName == 0 {
			return false
		}
		h.names = append(h.names, c)
	}
	return true
}

func trim(b []byte) []byte {
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && blank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// encodeFields appends the fields. c.mu is held.
func (c *conn) encodeFields(dst []byte, h *sendHead) []byte {
	for i := range h.fields {
		f := &h.fields[i]
		if f.known != nil {
			dst = c.encoder.field(dst, f.known, f.value)
			continue
		}
		dst = c.encoder.unknown(dst, h.names[f.name.start:f.name.end], f.value)
	}
	return dst
}

// startLine is the first line of a head to send.
type startLine struct {
	method, target []byte // of a request
	status         []byte // of a response
}

// parseStart takes the start line apart and gives the field lines.
func parseStart(head []byte, request bool) (line startLine, fields []byte, ok bool) {
	end := bytes.IndexByte(head, '\n')
	if end < 1 || head[end-1] != '\r' {
		return line, nil, false
	}
	text, fields := head[:end-1], head[end+1:]
	if !request {
		if len(text) < 12 || text[8] != ' ' || text[9] < '1' || !digit(text[9]) || !digit(text[10]) || !digit(text[11]) {
			return line, nil, false
		}
		line.status = text[9:12]
		return line, fields, string(line.status) != "101"
	}
	first, last := bytes.IndexByte(text, ' '), bytes.LastIndexByte(text, ' ')
	if first < 1 || last <= first+1 {
		return line, nil, false
	}
	line.method, line.target = text[:first], text[first+1:last]
	return line, fields, allBytes(line.method, isMethod) && allBytes(line.target, isTarget)
}

// encodeRequest appends the pseudo-header fields of a request. c.mu is held.
func (c *conn) encodeRequest(dst []byte, line startLine, host []byte) []byte {
	switch string(line.method) {
	case "GET":
		dst = c.encoder.index(dst, 2)
	case "POST":
		dst = c.encoder.index(dst, 3)
	default:
		dst = c.encoder.field(dst, c.names.method, line.method)
	}
	switch c.scheme {
	case "http":
		dst = c.encoder.index(dst, 6)
	case "https":
		dst = c.encoder.index(dst, 7)
	default:
		dst = c.encoder.field(dst, c.names.scheme, []byte(c.scheme))
	}
	if len(line.target) == 1 && line.target[0] == '/' {
		dst = c.encoder.index(dst, 4)
	} else {
		dst = c.encoder.field(dst, c.names.path, line.target)
	}
	return c.encoder.field(dst, c.names.authority, host)
}

// encodeStatus appends the pseudo-header field of a response. c.mu is held.
func (c *conn) encodeStatus(dst []byte, status []byte) []byte {
	switch string(status) {
	case "200":
		return c.encoder.index(dst, 8)
	case "204":
		return c.encoder.index(dst, 9)
	case "206":
		return c.encoder.index(dst, 10)
	case "304":
		return c.encoder.index(dst, 11)
	case "400":
		return c.encoder.index(dst, 12)
	case "404":
		return c.encoder.index(dst, 13)
	case "500":
		return c.encoder.index(dst, 14)
	}
	return c.encoder.field(dst, c.names.status, status)
}
