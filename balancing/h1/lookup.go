package h1

import "bytes"

// Field returns the first value of a field by its name, in any case; found tells an empty one from none. It points into the buffer. Fields that
// are for this hop alone are not found.
func (h *head) Field(name string) (value []byte, found bool) {
	for i := range h.fields {
		f := &h.fields[i]
		if int(f.nameEnd-f.nameStart) != len(name) || f.hop || (hopByHop | SetOf(Alias)).Has(f.Known) || !foldsTo(f.name(h.buf), name) {
			continue
		}
		return f.value(h.buf), true
	}
	return nil, false
}

// foldsTo compares a name with another of the same length, regardless of case.
func foldsTo(name []byte, other string) bool {
	for i, c := range name {
		if lower(c) != lower(other[i]) {
			return false
		}
	}
	return true
}

// Cookie returns the value of the first cookie of this name (RFC 6265 section 5.4), without quotes around it. Names differ by case.
func (r *Request) Cookie(name string) (value []byte, found bool) {
	if !r.Has(Cookie) {
		return nil, false
	}
	for i := range r.fields {
		if r.fields[i].Known != Cookie {
			continue // HTTP/2 may split them (RFC 9113 section 8.2.3)
		}
		if value, found = cookieOf(r.fields[i].value(r.buf), name); found {
			return value, true
		}
	}
	return nil, false
}

// cookieOf looks into one list of cookies.
func cookieOf(list []byte, name string) (value []byte, found bool) {
	for len(list) > 0 {
		var pair []byte
		pair, list, _ = bytes.Cut(list, []byte(";"))
		key, value, _ := bytes.Cut(bytes.Trim(pair, " \t"), []byte("="))
		if string(key) != name {
			continue
		}
		if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		return value, true
	}
	return nil, false
}

// Query returns the value of the first parameter of this name in the target's query, as it was written: not decoded.
func (r *Request) Query(name string) (value []byte, found bool) {
	_, query, _ := bytes.Cut(r.Target(), []byte("?"))
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte("&"))
		if key, value, _ := bytes.Cut(pair, []byte("=")); string(key) == name {
			return value, true
		}
	}
	return nil, false
}
