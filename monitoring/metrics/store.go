// Package metrics keeps Headroom's time series in an embedded Prometheus TSDB, answers PromQL over
// them, and shows their current values in the Prometheus exposition format.
//
// It is the only package that imports github.com/prometheus/*: that project promises no stable Go
// API (its README: "not designed for use as a library"), so every upgrade must be a change to one
// folder. Nothing exported here mentions a Prometheus type.
//
// The stored metrics are not precious. They feed dashboards, alerts and reports; the scaler reads
// its signals from memory (monitoring/signal). So a corrupt directory is moved aside, a full disk
// drops samples, and neither ever stops the program.
package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb"
)

const (
	// DefaultRetention keeps a day of 1 s samples: 500 series at about 2 B a sample are 90 MB.
	DefaultRetention = 24 * time.Hour
	// DefaultMaxBytes bounds blocks, head and write-ahead log together at 1 GiB.
	DefaultMaxBytes = 1 << 30
	// DefaultMaxSamples bounds the samples one query may hold at once: 2 million at 16 B are 32 MB.
	DefaultMaxSamples = 2_000_000
	// DefaultQueryTimeout ends a query that takes longer. A dashboard query takes milliseconds.
	DefaultQueryTimeout = 10 * time.Second
	// Lookback is how old a sample may be and still count as the current value in a query.
	// Prometheus' default of 5 min suits 15 s scrapes; with 1 s samples it would keep showing
	// backends for minutes after a crash of headroom left no stale marker behind.
	Lookback = 15 * time.Second

	// concurrentQueries is how many queries run at once; the others wait. It bounds query memory
	// at 4 × DefaultMaxSamples × 16 B = 128 MB in the worst case.
	concurrentQueries = 4
)

// Options say where a [Store] lives and what it may use. Only Dir is required.
type Options struct {
	// Dir holds the database. It is created if missing and must be on a local POSIX file system.
	Dir string
	// Retention is how long samples are kept. Default [DefaultRetention]; at least one minute.
	Retention time.Duration
	// MaxBytes bounds the disk space; the oldest blocks go first. Default [DefaultMaxBytes].
	MaxBytes int64
	// MaxSamples bounds the samples one query may hold in memory. Default [DefaultMaxSamples].
	MaxSamples int
	// QueryTimeout ends a query that takes longer. Default [DefaultQueryTimeout].
	QueryTimeout time.Duration
	// Logger receives what happens to the store. Default: discard.
	Logger *slog.Logger
	// Now is the clock. Default [time.Now].
	Now func() time.Time
}

// Store is an open database. All methods are safe for concurrent use.
type Store struct {
	options  Options
	db       *tsdb.DB
	engine   *promql.Engine
	registry *prometheus.Registry // of the database itself: prometheus_tsdb_*, prometheus_engine_*
	queries  chan struct{}        // one token per running query

	lifecycle sync.RWMutex // held for reading by every operation, for writing by Close
	closed    bool         // guarded by lifecycle
	closing   context.Context
	close     context.CancelFunc // ends running queries

	writing sync.Mutex             // one appender at a time; guards live
	live    map[uint64]*liveSeries // series written since Open and not marked gone, by label hash

	appended atomic.Uint64
	refused  atomic.Uint64
}

// withDefaults fills what was left out and refuses what cannot work.
func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, fmt.Errorf("metrics: dir is empty; expected a directory for the time series")
	}
	if o.Retention == 0 {
		o.Retention = DefaultRetention
	}
	if o.Retention < time.Minute {
		return o, fmt.Errorf("metrics: retention is %s; expected at least 1m", o.Retention)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxBytes < 0 {
		return o, fmt.Errorf("metrics: maxBytes is %d; expected a positive number of bytes", o.MaxBytes)
	}
	if o.MaxSamples <= 0 {
		o.MaxSamples = DefaultMaxSamples
	}
	if o.QueryTimeout <= 0 {
		o.QueryTimeout = DefaultQueryTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// Stats counts what the store did since it was opened.
type Stats struct {
	// Series is how many series are held in memory, those lately gone included.
	Series uint64 `json:"series"`
	// Appended counts the samples stored, Refused those that could not be.
	Appended uint64 `json:"appended"`
	Refused  uint64 `json:"refused"`
}

// Stats returns the counts so far.
func (s *Store) Stats() Stats {
	return Stats{Series: s.db.Head().NumSeries(), Appended: s.appended.Load(), Refused: s.refused.Load()}
}

// Close flushes and unlocks the directory. It cancels running queries and waits for them and for
// running appends; those that come later get an error. A second Close does nothing.
func (s *Store) Close() error {
	s.close()
	s.lifecycle.Lock()
	defer s.lifecycle.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("metrics: close %s: %w", s.options.Dir, err)
	}
	return nil
}

// errClosed answers whoever uses a store after Close.
func (s *Store) errClosed() error {
	return fmt.Errorf("metrics: the store in %s is closed", s.options.Dir)
}
