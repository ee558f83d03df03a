package objective

import (
	"cmp"
	"slices"
	"time"

	"headroom.dev/headroom"
)

// Minute is what one minute of a service came to.
type Minute struct {
	Seconds  float64 `json:"seconds"`  // for which there are measurements
	Total    uint64  `json:"total"`    // requests that count: all that ended but those that their client gave up
	Failed   uint64  `json:"failed"`   // of Total, through no fault of the client
	Answered uint64  `json:"answered"` // requests of which the latency is known
	Within   float64 `json:"within"`   // of Answered, within the objective's latency as it was then
}

func (m Minute) plus(other Minute) Minute {
	return Minute{
		Seconds: m.Seconds + other.Seconds, Total: m.Total + other.Total, Failed: m.Failed + other.Failed,
		Answered: m.Answered + other.Answered, Within: m.Within + other.Within,
	}
}

// Hour is sixty minutes: what a ledger is stored in.
type Hour struct {
	Start   time.Time  `json:"start"` // UTC
	Minutes [60]Minute `json:"minutes"`
}

// Ledger keeps what each minute came to, so that sums over 30 days take 43,200 additions and not 2.6
// million samples, and outlive the retention of the metrics. It holds about 1.7 MB for 30 days. It is
// not safe for concurrent use.
type Ledger struct {
	hours   map[int64]*Hour // by hours since 1970
	changed map[int64]bool  // since Changed
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{hours: map[int64]*Hour{}, changed: map[int64]bool{}}
}

// Load puts a stored hour back. It replaces what the ledger holds of that hour.
func (l *Ledger) Load(hour Hour) {
	hour.Start = hour.Start.UTC().Truncate(time.Hour)
	l.hours[hourOf(hour.Start)] = &hour
}

// Add counts one second of the service's traffic. latency is the objective's; 0 where it has none.
func (l *Ledger) Add(at time.Time, window time.Duration, traffic headroom.Traffic, latency time.Duration) {
	middle := at.Add(-window / 2)
	index := hourOf(middle)
	hour := l.hours[index]
	if hour == nil {
		hour = &Hour{Start: middle.UTC().Truncate(time.Hour)}
		l.hours[index] = hour
	}
	l.changed[index] = true
	second := Minute{
		Seconds: window.Seconds(),
		Total:   traffic.Outcomes.Total() - traffic.Outcomes.ClientAborted,
		Failed:  traffic.Outcomes.Failed(),
	}
	if latency > 0 {
		second.Answered = traffic.Latency.Count
		second.Within = Within(traffic.Latency, latency)
	}
	minute := &hour.Minutes[middle.UTC().Minute()]
	*minute = minute.plus(second)
}

// Sum adds the minutes that begin at or after from and before to.
func (l *Ledger) Sum(from, to time.Time) Minute {
	var sum Minute
	for _, hour := range l.hours {
		if hour.Start.Add(time.Hour).Before(from) || !hour.Start.Before(to) {
			continue
		}
		for i, minute := range hour.Minutes {
			start := hour.Start.Add(time.Duration(i) * time.Minute)
			if !start.Before(from) && start.Before(to) {
				sum = sum.plus(minute)
			}
		}
	}
	return sum
}

// Changed returns the hours that were added to since it was last called, oldest first, to be stored.
func (l *Ledger) Changed() []Hour {
	out := []Hour{}
	for index := range l.changed {
		if hour := l.hours[index]; hour != nil {
			out = append(out, *hour)
		}
	}
	l.changed = map[int64]bool{}
	slices.SortFunc(out, func(a, b Hour) int { return cmp.Compare(a.Start.Unix(), b.Start.Unix()) })
	return out
}

// Prune forgets the hours that ended before a time and returns when each began, to be deleted.
func (l *Ledger) Prune(before time.Time) []time.Time {
	var out []time.Time
	for index, hour := range l.hours {
		if hour.Start.Add(time.Hour).Before(before) {
			out = append(out, hour.Start)
			delete(l.hours, index)
			delete(l.changed, index)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

// hourOf numbers the hours since 1970, in UTC: zones of half an hour must not split one.
func hourOf(t time.Time) int64 { return t.UTC().Truncate(time.Hour).Unix() / 3600 }
