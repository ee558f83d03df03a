package edit

import (
	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/h1"
)

// Fields are the header edits of one direction. They are immutable and safe for concurrent use.
type Fields struct{}

// NewFields compiles edits that are made one after the other: those of a service, then those of a route.
func NewFields(edits ...headroom.HeaderEdits) *Fields { return &Fields{} }

// Empty reports whether nothing is changed.
func (f *Fields) Empty() bool { return true }

// Removes reports whether the peer's fields of this name, in any case, are left out: those to remove, and those that are set.
func (f *Fields) Removes(name []byte) bool { return false }

// Known are the fields that Removes names, of those that the proxy knows: it may leave out its own of that name.
func (f *Fields) Known() h1.Set { return 0 }

// Append appends the lines of the fields to set and to add.
func (f *Fields) Append(dst []byte) []byte { return dst }
