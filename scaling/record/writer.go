package record

import (
	"hash/maphash"
	"slices"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

// mostBytes ends a record whose inputs change in every way, such as texts: four times what a minute of them takes.
const mostBytes = 32 << 10

// Writer gathers decisions that change nothing until they are written down. The zero value is empty. It keeps nothing of
// the decisions that are added, and reuses its memory: a quiet second allocates nothing.
type Writer struct {
	seed     maphash.Seed
	compiled *scaling.Compiled
	first    headroom.Decision
	state    headroom.ScalerState // after the last
	until    time.Time            // when this record is to be written
	last     time.Time
	count    int
	alike    []Alike
	said     uint64 // by the last
	rows     columns
}

// Begin starts with a decision that changed nothing, and forgets what was before; state is what it returned, and
// length how long the record may become, at most Longest. The writer keeps the decision.
func (w *Writer) Begin(compiled *scaling.Compiled, d headroom.Decision, state headroom.ScalerState, length time.Duration) {
	w.until = d.At.Add(min(length, Longest))
	if w.count == 0 && w.compiled == nil {
		w.seed = maphash.MakeSeed()
	}
	w.compiled, w.first, w.state, w.last, w.count = compiled, d, state, d.At, 1
	w.alike = append(w.alike[:0], Alike{1, d.Code})
	w.said = w.says(&d)
	w.rows.begin(&w.first)
}

// Add goes on with a decision that Continues has been asked about; state is what it returned.
func (w *Writer) Add(d *headroom.Decision, state headroom.ScalerState) {
	w.rows.add(d)
	w.state, w.last = state, d.At
	w.count++
	said := w.says(d)
	if said != w.said {
		w.said = said
		w.alike = append(w.alike, Alike{0, d.Code})
	}
	w.alike[len(w.alike)-1].Count++
}

// Continues reports whether a decision can be added: it is the next, changes nothing, and was made by the same policy from
// inputs of the same kind.
func (w *Writer) Continues(compiled *scaling.Compiled, d *headroom.Decision) bool {
	return w.count > 0 && w.compiled == compiled && d.From == d.To && d.To == w.first.To && d.From == w.first.From &&
		!d.At.Before(w.last) && d.At.Before(w.until) && len(w.rows.out) < mostBytes &&
		!d.State.Changed(w.state) && w.rows.fits(&w.first, d)
}

// Empty reports whether there is nothing to write.
func (w *Writer) Empty() bool { return w.count == 0 }

// End forgets what was gathered: it has been written.
func (w *Writer) End() {
	w.first, w.state, w.count = headroom.Decision{}, headroom.ScalerState{}, 0
}

// Record is what was gathered, with the sentences of the first. It shares nothing with the writer that will be changed.
func (w *Writer) Record() Record {
	first, _ := w.compiled.Decide(w.first.ID, w.first.Observation, w.first.State)
	r := Record{Decision: first}
	if w.count > 1 {
		r.Run = &Run{Count: w.count, Last: w.last, Alike: slices.Clone(w.alike), Inputs: slices.Clone(w.rows.out)}
	}
	return r
}

// Newest is when the newest decision of a record was made.
func (r *Record) Newest() time.Time {
	if r.Run != nil {
		return r.Run.Last
	}
	return r.At
}

// says is a number for what a decision says: its code, what each proposal asks for, and which limits bound.
func (w *Writer) says(d *headroom.Decision) uint64 {
	var h maphash.Hash
	h.SetSeed(w.seed)
	h.WriteString(d.Code)
	number := func(n int) {
		for range 4 {
			h.WriteByte(byte(n))
			n >>= 8
		}
	}
	for i := range d.Proposals {
		p := &d.Proposals[i]
		if h.WriteByte(0); p.Replicas != nil {
			number(*p.Replicas)
		}
	}
	for _, limit := range d.Limits {
		if limit.Bound() {
			h.WriteString(limit.Rule)
			number(limit.After)
		}
	}
	return h.Sum64()
}
