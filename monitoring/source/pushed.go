package source

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"headroom.dev/headroom"
)

const (
	// mostSeries that others send are kept; one takes about 300 bytes.
	mostSeries = 10_000
	// seriesAge is when a series that nobody sends any more may make room: no signal may be older (SignalFrom.StaleAfter).
	seriesAge = 24 * time.Hour
)

// received keeps the last value of each series that others send.
type received struct {
	mu     sync.Mutex                                 // guards names and series
	names  map[string]map[string]headroom.PushedValue // by metric, and by its labels in order
	series int
}

// add keeps all of the values, or none where there are too many series.
func (r *received) add(values []headroom.PushedValue, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh := map[string]bool{}
	for _, v := range values {
		key := labelKey(v.Labels)
		if _, known := r.names[v.Name][key]; !known && !v.Gone {
			fresh[v.Name+"\xff"+key] = true
		}
	}
	if r.series+len(fresh) > mostSeries {
		r.forget(now.Add(-seriesAge))
	}
	if r.series+len(fresh) > mostSeries {
		return &headroom.ConflictError{Reason: fmt.Sprintf(
			"there are %d series and these would be %d more; at most %d are kept: send fewer different labels", r.series, len(fresh), mostSeries)}
	}
	for _, v := range values {
		series := r.names[v.Name]
		if series == nil {
			series = map[string]headroom.PushedValue{}
			if r.names == nil {
				r.names = map[string]map[string]headroom.PushedValue{}
			}
			r.names[v.Name] = series
		}
		key := labelKey(v.Labels)
		old, known := series[key]
		if known && old.At.After(v.At) {
			continue // it was overtaken on its way
		}
		if v.Gone {
			r.drop(v.Name, key)
			continue
		}
		if !known {
			r.series++
		}
		series[key] = v
	}
	return nil
}

// forget drops what is older. The caller holds mu.
func (r *received) forget(before time.Time) {
	for name, series := range r.names {
		for key, v := range series {
			if v.At.Before(before) {
				r.drop(name, key)
			}
		}
	}
}

// drop forgets a series, where there is one. The caller holds mu.
func (r *received) drop(name, key string) {
	series := r.names[name]
	if _, known := series[key]; known {
		delete(series, key)
		r.series--
	}
	if len(series) == 0 {
		delete(r.names, name)
	}
}

// labelKey tells series apart.
func labelKey(labels map[string]string) string {
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	slices.Sort(names)
	var key strings.Builder
	for _, name := range names {
		fmt.Fprintf(&key, "%q=%q,", name, labels[name])
	}
	return key.String()
}

// value makes one value of the series that were sent lately, and says when the newest of them was.
func (r *received) value(source headroom.PushedSource, now time.Time, staleAfter time.Duration) (float64, time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var values []float64
	var newest, last time.Time
	for _, v := range r.names[source.Metric] {
		if !carries(v.Labels, source.Labels) {
			continue
		}
		if v.At.After(last) {
			last = v.At
		}
		if now.Sub(v.At) > staleAfter {
			continue
		}
		values = append(values, v.Value)
		if v.At.After(newest) {
			newest = v.At
		}
	}
	switch {
	case last.IsZero():
		return 0, last, fmt.Errorf("nobody has sent %s yet", source.Metric)
	case len(values) == 0:
		return 0, last, fmt.Errorf("%s was last sent %s ago", source.Metric, now.Sub(last).Round(time.Second))
	}
	return aggregate(source.Aggregate, values), newest, nil
}

func carries(labels, wanted map[string]string) bool {
	for name, value := range wanted {
		if labels[name] != value {
			return false
		}
	}
	return true
}

func aggregate(how string, values []float64) float64 {
	switch how {
	case "max":
		return slices.Max(values)
	case "min":
		return slices.Min(values)
	}
	sum := 0.0
	for _, value := range values {
		sum += value
	}
	if how == "avg" {
		return sum / float64(len(values))
	}
	return sum
}

// pushed reads what was sent.
type pushed struct {
	received   *received
	source     headroom.PushedSource
	staleAfter time.Duration
}

func (p pushed) Read(ctx context.Context) (float64, error) {
	value, _, err := p.readAt(ctx)
	return value, err
}

func (p pushed) readAt(context.Context) (float64, time.Time, error) {
	return p.received.value(p.source, time.Now(), p.staleAfter)
}
