package proxy

import "time"

// deadline moves a connection's deadline only when it is worth a call: many requests a second need one call a second.
type deadline struct {
	set func(time.Time) error
	at  time.Time
}

// within makes the deadline fall due after d, at the earliest, or up to an eighth earlier if it was set before.
func (d *deadline) within(now time.Time, span time.Duration) {
	want := now.Add(span)
	if ahead := want.Sub(d.at); ahead >= 0 && ahead <= span/8 {
		return
	}
	d.at = want
	d.set(want)
}

// exactly sets the deadline to at.
func (d *deadline) exactly(at time.Time) {
	d.at = at
	d.set(at)
}

// none takes the deadline away.
func (d *deadline) none() {
	d.at = time.Time{}
	d.set(time.Time{})
}
