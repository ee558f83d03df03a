package h1

// AppendJoined appends all values of a known field with a separator between them, such as those of Cookie with "; " (RFC 9113 section 8.2.3).
func (h *head) AppendJoined(dst []byte, k Known, separator string) []byte {
	start := len(dst)
	for i := range h.fields {
		f := &h.fields[i]
		if f.Known != k || f.hop || f.valueStart == f.valueEnd {
			continue
		}
		if len(dst) > start {
			dst = append(dst, separator...)
		}
		dst = append(dst, f.value(h.buf)...)
	}
	return dst
}

// Each calls f with each field that goes further than this hop.
func (h *head) Each(f func(name, value []byte)) {
	for i := range h.fields {
		if field := &h.fields[i]; !field.hop && !(hopByHop | SetOf(Alias)).Has(field.Known) {
			f(field.name(h.buf), field.value(h.buf))
		}
	}
}
