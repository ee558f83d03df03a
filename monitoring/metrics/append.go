package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// Label is one name and value of a series. An empty value is the same as no label.
type Label struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Sample is one value of one series. The series is the name and the labels in any order.
type Sample struct {
	Name   string
	Labels []Label
	Value  float64
}

// liveSeries is a series that has been written to and not been marked gone.
type liveSeries struct {
	labels labels.Labels
	ref    storage.SeriesRef
	last   int64 // ms of its newest sample
}

// Append stores the samples, all at the same time (millisecond resolution).
//
// Samples of one series must come in order of time: those older than its newest one are refused,
// as are invalid names. What can be stored is stored; the error says how many were refused and
// why the first one was. If the disk refuses, nothing of the batch is stored.
func (s *Store) Append(at time.Time, samples []Sample) error {
	if len(samples) == 0 {
		return nil
	}
	s.lifecycle.RLock()
	defer s.lifecycle.RUnlock()
	if s.closed {
		return s.errClosed()
	}
	s.writing.Lock()
	defer s.writing.Unlock()

	app := s.db.AppenderV2(context.Background())
	written := make([]*liveSeries, 0, len(samples))
	var refusal error
	for _, sample := range samples {
		series, err := s.stage(app, at.UnixMilli(), sample)
		if err != nil {
			if refusal == nil {
				refusal = fmt.Errorf("series %s: %w", describe(sample), explain(err))
			}
			continue
		}
		written = append(written, series)
	}
	if err := app.Commit(); err != nil {
		s.refused.Add(uint64(len(samples)))
		return fmt.Errorf("metrics: store %d samples in %s: %w", len(samples), s.options.Dir, err)
	}
	for _, series := range written {
		series.last = at.UnixMilli()
		s.live[series.labels.Hash()] = series
	}
	s.appended.Add(uint64(len(written)))
	if refusal == nil {
		return nil
	}
	lost := len(samples) - len(written)
	s.refused.Add(uint64(lost))
	return fmt.Errorf("metrics: refused %d of %d samples at %s; first: %w",
		lost, len(samples), at.UTC().Format(time.RFC3339Nano), refusal)
}

// stage adds one sample to the transaction. The caller holds writing.
func (s *Store) stage(app storage.AppenderV2, ms int64, sample Sample) (*liveSeries, error) {
	set, err := labelSet(sample)
	if err != nil {
		return nil, err
	}
	series := s.live[set.Hash()]
	if series == nil || !labels.Equal(series.labels, set) {
		series = &liveSeries{labels: set}
	}
	ref, err := app.Append(series.ref, series.labels, 0, ms, sample.Value, nil, nil, storage.AOptions{RejectOutOfOrder: true})
	if err != nil {
		return nil, err
	}
	series.ref = ref
	return series, nil
}

// Gone ends series (values are not looked at) by writing a stale marker: a query at or after `at`
// no longer finds them, instead of seeing their last value for another [Lookback]. It is for what
// was removed or can no longer be read. It returns how many ended; those that were not written
// since Open, or have ended already, do not count. A series may be written again afterwards.
func (s *Store) Gone(at time.Time, series []Sample) (int, error) {
	if len(series) == 0 {
		return 0, nil
	}
	s.lifecycle.RLock()
	defer s.lifecycle.RUnlock()
	if s.closed {
		return 0, s.errClosed()
	}
	s.writing.Lock()
	defer s.writing.Unlock()

	app := s.db.AppenderV2(context.Background())
	stale := math.Float64frombits(value.StaleNaN)
	var ended []uint64
	for _, sample := range series {
		set, err := labelSet(sample)
		if err != nil {
			continue // Append refused it as well
		}
		live := s.live[set.Hash()]
		if live == nil || !labels.Equal(live.labels, set) {
			continue
		}
		// The marker must be newer than the last sample, or the database refuses it.
		ms := max(at.UnixMilli(), live.last+1)
		if _, err := app.Append(live.ref, live.labels, 0, ms, stale, nil, nil, storage.AOptions{}); err != nil {
			return 0, errors.Join(fmt.Errorf("metrics: mark %s as gone: %w", live.labels, explain(err)), app.Rollback())
		}
		ended = append(ended, set.Hash())
	}
	if err := app.Commit(); err != nil {
		return 0, fmt.Errorf("metrics: mark %d series as gone in %s: %w", len(ended), s.options.Dir, err)
	}
	for _, hash := range ended {
		delete(s.live, hash)
	}
	return len(ended), nil
}

// labelSet builds the sorted identity of a series.
func labelSet(sample Sample) (labels.Labels, error) {
	if !validName(sample.Name, true) {
		return labels.EmptyLabels(), fmt.Errorf("metric name %q is not valid; expected letters, digits, colons and underscores", sample.Name)
	}
	builder := labels.NewScratchBuilder(len(sample.Labels) + 1)
	builder.Add(model.MetricNameLabel, sample.Name)
	for _, label := range sample.Labels {
		if label.Value == "" {
			continue
		}
		if !validName(label.Name, false) {
			return labels.EmptyLabels(), fmt.Errorf("label name %q is not valid; expected letters, digits and underscores", label.Name)
		}
		builder.Add(label.Name, validUTF8(label.Value))
	}
	builder.Sort()
	set := builder.Labels()
	if name, twice := set.HasDuplicateLabelNames(); twice {
		return labels.EmptyLabels(), fmt.Errorf("label %q is given twice", name)
	}
	return set, nil
}

// validUTF8 repairs a label value rather than refusing it: values come from addresses and paths, and
// a lost byte beats a lost series.
func validUTF8(value string) string { return strings.ToValidUTF8(value, "\uFFFD") }

// validName holds the classic rule [a-zA-Z_:][a-zA-Z0-9_:]*, without the colon for label names.
// Newer Prometheus allows any UTF-8, but then every query must quote the name.
func validName(name string, colon bool) bool {
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' && colon
		digit := c >= '0' && c <= '9' && i > 0
		if !letter && !digit {
			return false
		}
	}
	return name != ""
}

// explain turns the database's short errors into what a user can act on.
func explain(err error) error {
	switch {
	case errors.Is(err, storage.ErrOutOfOrderSample), errors.Is(err, storage.ErrOutOfBounds), errors.Is(err, storage.ErrTooOldSample):
		return fmt.Errorf("%w: newer samples are already stored; the system clock may have gone back", err)
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		return fmt.Errorf("%w: another value is already stored for the same millisecond", err)
	}
	return err
}

func describe(sample Sample) string {
	pairs := make([]string, len(sample.Labels))
	for i, label := range sample.Labels {
		pairs[i] = fmt.Sprintf("%s=%q", label.Name, label.Value)
	}
	return sample.Name + "{" + strings.Join(pairs, ",") + "}"
}
