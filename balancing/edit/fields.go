package edit

import (
	"maps"
	"slices"
	"strings"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/h1"
)

// Fields are the header edits of one direction. They are immutable and safe for concurrent use.
type Fields struct {
	removed []string // lower case
	lengths uint64   // bit n is set when a removed name is n bytes long, modulo 64
	known   h1.Set
	host    string
	lines   []byte
}

// NewFields compiles valid edits that are made one after the other: those of a service, then those of a route. What an earlier one sets or
// adds a later one removes or replaces as if it had come from the peer.
func NewFields(edits ...headroom.HeaderEdits) *Fields {
	f := &Fields{}
	var lines []line
	for _, edit := range edits {
		gone := map[string]bool{}
		for _, name := range edit.Remove {
			gone[strings.ToLower(name)] = true
		}
		for name := range edit.Set {
			gone[strings.ToLower(name)] = true
		}
		f.remove(gone)
		lines = slices.DeleteFunc(lines, func(l line) bool { return gone[strings.ToLower(l.name)] })
		lines = append(append(lines, sorted(edit.Set)...), sorted(edit.Add)...)
	}
	for _, l := range lines {
		if strings.EqualFold(l.name, "host") {
			f.host = l.value
			continue
		}
		f.lines = h1.AppendField(f.lines, l.name, l.value)
	}
	return f
}

type line struct{ name, value string }

// sorted gives fields an order, so that the same settings make the same bytes.
func sorted(fields map[string]string) []line {
	lines := make([]line, 0, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		lines = append(lines, line{name, fields[name]})
	}
	return lines
}

func (f *Fields) remove(names map[string]bool) {
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if slices.Contains(f.removed, name) {
			continue
		}
		f.removed = append(f.removed, name)
		f.lengths |= 1 << (len(name) % 64)
		if known := h1.Identify([]byte(name)); known != h1.Other {
			f.known |= h1.SetOf(known)
		}
	}
}

// Empty reports whether nothing is changed.
func (f *Fields) Empty() bool { return len(f.removed) == 0 && len(f.lines) == 0 }

// Removes reports whether the peer's fields of this name, in any case, and with underscores for dashes, which CGI and WSGI take for the same,
// are left out: those to remove, and those that are set. It is asked for every field of every message: most names fail at their length.
func (f *Fields) Removes(name []byte) bool {
	if f.lengths>>(len(name)%64)&1 == 0 {
		return false
	}
	for _, removed := range f.removed {
		if len(removed) == len(name) && sameFold(name, removed) {
			return true
		}
	}
	return false
}

// sameFold compares a name with one of the same length in lower case.
func sameFold(name []byte, lower string) bool {
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] && !(isDash(c) && isDash(lower[i])) {
			return false
		}
	}
	return true
}

func isDash(c byte) bool { return c == '-' || c == '_' }

// Known are the fields that Removes names, of those that h1 knows: the proxy leaves out its own of that name, X-Forwarded-Proto for example.
func (f *Fields) Known() h1.Set { return f.known }

// Host is the host that backends are asked for in place of the client's; empty keeps that. Append does not write it.
func (f *Fields) Host() string { return f.host }

// Append appends the lines of the fields to set and to add.
func (f *Fields) Append(dst []byte) []byte { return append(dst, f.lines...) }
