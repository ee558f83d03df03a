package h1

// Dropper names fields that are left out of a copy of a head, beside those that the writers always leave out. Removes is asked for each
// end-to-end field, on the path of every request, and must neither keep the name nor allocate.
type Dropper interface {
	Removes(name []byte) bool
}

// AppendEdited is AppendHead with another target, unless that is empty, and without the fields that any of drop names.
func (r *Request) AppendEdited(dst, target, host []byte, except Set, drop ...Dropper) []byte {
	if len(target) == 0 {
		dst = r.AppendHead(dst, host, everyField)
	} else {
		dst = append(dst, r.MethodName()...)
		dst = append(dst, ' ')
		dst = append(dst, target...)
		dst = append(dst, " HTTP/1.1\r\nHost: "...)
		dst = append(dst, host...)
		dst = append(dst, "\r\n"...)
	}
	return r.appendWithout(dst, except, drop)
}

// AppendEdited is AppendHead without the fields that any of drop names.
func (r *Response) AppendEdited(dst []byte, except Set, drop ...Dropper) []byte {
	return r.appendWithout(r.AppendHead(dst, everyField), except, drop)
}

// Identify is the known field of a name, in any case.
func Identify(name []byte) Known { return identify(name) }

// everyField leaves only the start line, and Host of a request, of a head.
const everyField = ^Set(0)

// appendWithout is appendEndToEnd without what any of drop names.
func (h *head) appendWithout(dst []byte, except Set, drop []Dropper) []byte {
	except |= hopByHop | written
	if !h.chunked {
		except |= 1 << Trailer
	}
next:
	for i := range h.fields {
		f := &h.fields[i]
		if f.hop || except.Has(f.Known) {
			continue
		}
		name := f.name(h.buf)
		for _, d := range drop {
			if d.Removes(name) {
				continue next
			}
		}
		dst = append(dst, name...)
		dst = append(dst, ": "...)
		dst = append(dst, f.value(h.buf)...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}
