// Package record is the form in which decisions are kept in the journal: one in full, and where it changed nothing those
// that followed and changed nothing either, of which only what they were made from is kept, as what is different from
// the one before. Since deciding is a pure function, each of them can be made again.
package record

import (
	"errors"
	"strings"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

// Longest is the most time that one record covers, and so the most that is lost where the process is killed before a
// record is written: often enough to lose little, seldom enough that a month of a service is 43,200 records.
const Longest = time.Minute

// Record is what a journal entry of kind decision holds.
type Record struct {
	headroom.Decision
	// Run is given where others followed. Without it the record is that of one decision, as in journals of before.
	Run *Run `json:"run,omitempty"`
}

// Run is what is kept of decisions that changed nothing: the one in full and those that followed.
type Run struct {
	Count int       `json:"count"` // the first included; at least 2
	Last  time.Time `json:"last"`
	// Alike is how many in a row said the same: asked for the same, were held by the same rule, had the same code.
	Alike []Alike `json:"alike"`
	// Inputs is what each after the first was made from, see columns.
	Inputs []byte `json:"inputs"`
}

// Alike are consecutive decisions that said the same.
type Alike struct {
	Count int    `json:"count"`
	Code  string `json:"code"`
}

// Listed is a decision, and how many in a row said the same.
type Listed struct {
	headroom.Decision
	Count int       `json:"count" doc:"how many decisions in a row said this and changed nothing; 1 where it is alone" example:"1"`
	Last  time.Time `json:"last" doc:"when the last of them was made"`
}

// errOther is why the decisions of a run cannot be made again.
var errOther = errors.New("these decisions were made by another version of headroom")

// each makes the decisions of a record again, oldest first, without sentences, until one is not wanted. The number is
// that of the decision's place in Run.Alike. What comes out otherwise than it did ends it with an error.
func (r *Record) each(yield func(d headroom.Decision, alike int) bool) error {
	if r.Run == nil {
		yield(r.Decision, 0)
		return nil
	}
	if len(r.Run.Alike) == 0 {
		return errOther
	}
	compiled, _ := scaling.Compile(r.Policy) // what cannot be read abstains, as it did
	rows, err := newReader(&r.Decision, r.Run.Inputs)
	if err != nil {
		return err
	}
	d, id, state := r.Decision, r.ID, r.State
	obs := r.Observation
	alike, within := 0, 0
	for i := range r.Run.Count {
		if i > 0 {
			if id, obs, err = rows.next(); err != nil {
				return err
			}
		}
		for within == r.Run.Alike[alike].Count {
			if alike, within = alike+1, 0; alike == len(r.Run.Alike) {
				return errOther
			}
		}
		within++
		again, next := compiled.DecideQuietly(id, obs, state)
		if again.To != r.To || again.From != r.From || again.Code != r.Run.Alike[alike].Code {
			return errOther
		}
		if i > 0 {
			d = again
		}
		if !yield(d, alike) {
			return nil
		}
		state = next
	}
	return nil
}

// InForce is the newest decision of a record that was made until a time, with its sentences; false where the first came
// later. Where the others cannot be made again it is the first, which is kept in full.
func (r *Record) InForce(at time.Time) (headroom.Decision, bool) {
	found, any := r.Decision, !r.At.After(at)
	err := r.each(func(d headroom.Decision, _ int) bool {
		if d.At.After(at) {
			return false
		}
		found = d
		return true
	})
	if err != nil {
		found = r.Decision
	}
	return r.aloud(found), any
}

// Named is the decision of a record with an ID, with its sentences.
func (r *Record) Named(id string) (headroom.Decision, bool) {
	if r.ID == id {
		return r.Decision, true
	}
	var found headroom.Decision
	_ = r.each(func(d headroom.Decision, _ int) bool {
		found = d
		return d.ID != id
	})
	return r.aloud(found), found.ID == id
}

// List is one entry for those that said the same, oldest first, each with the first of them and its sentences.
func (r *Record) List() []Listed {
	var all []Listed
	err := r.each(func(d headroom.Decision, alike int) bool {
		if alike == len(all) {
			all = append(all, Listed{Decision: r.aloud(d)})
		}
		last := &all[len(all)-1]
		last.Count, last.Last = last.Count+1, d.At
		return true
	})
	if err != nil {
		return []Listed{{Decision: r.Decision, Count: r.Run.Count, Last: r.Run.Last}}
	}
	return all
}

// MadeAt is the service and the time that are in the ID of a decision; false where there are none.
func MadeAt(id string) (service string, at time.Time, ok bool) {
	micros, prefix, ok := numberOf(id)
	return strings.TrimSuffix(prefix, "-d"), time.UnixMicro(micros), ok
}

// aloud is a decision with its sentences; the one that is kept in full has them.
func (r *Record) aloud(d headroom.Decision) headroom.Decision {
	if d.ID == r.ID {
		return d
	}
	again, _ := scaling.Replay(d)
	return again
}
