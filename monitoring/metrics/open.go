package metrics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"
)

// ErrLocked is wrapped by [Open] when another process holds the directory.
var ErrLocked = errors.New("in use by another headroom")

const (
	// Sizes chosen for a small program: with Prometheus' own values (16384 stripes, 4 MiB write
	// buffer) an empty head costs about 6 MB more.
	stripeSize      = 1 << 10
	headWriteBuffer = 64 << 10
	// walSegmentSize bounds what one torn segment can lose; 500 series/s fill it in about 40 min.
	walSegmentSize = 8 << 20
	// samplesPerChunk at 1 s resolution is 8 min per chunk instead of 2: with 5000 series
	// over 2 h that took 3.4 kB of heap per series instead of 5.1 kB.
	samplesPerChunk = 480
	// maxHeadRange keeps at most 1.5 × 30 min in memory. Prometheus' 2 h would hold every series
	// of every replica that came and went for up to 3 h.
	maxHeadRange = 30 * time.Minute
)

// Open opens the database in options.Dir, creating it if needed, and replays what a killed
// predecessor had written.
//
// A directory that another headroom holds gives an error wrapping [ErrLocked]. A corrupt one is
// moved to DIR.corrupt-TIMESTAMP, logged as an error, and replaced by an empty one. What the file
// system refuses (permission, no space) is returned as it is and nothing is moved.
func Open(options Options) (*Store, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := open(options)
	if err == nil {
		return s, nil
	}
	if isRefusal(err) {
		return nil, err
	}
	aside, moveErr := moveAside(options.Dir, options.Now())
	if moveErr != nil {
		return nil, errors.Join(err, moveErr)
	}
	options.Logger.Error("the stored metrics are corrupt; moved them aside and started empty",
		slog.String("dir", options.Dir), slog.String("movedTo", aside), slog.Any("error", err))
	return open(options)
}

// open makes one attempt.
func open(options Options) (*Store, error) {
	if err := os.MkdirAll(options.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("metrics: create dir %s: %w", options.Dir, err)
	}
	registry := prometheus.NewRegistry()
	db, err := tsdb.Open(options.Dir, slog.New(quiet{options.Logger.Handler()}), registry, databaseOptions(options), nil)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("metrics: dir %s is %w; stop that one or set another directory", options.Dir, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("metrics: open %s: %w", options.Dir, err)
	}
	closing, closeQueries := context.WithCancel(context.Background())
	return &Store{
		options:  options,
		db:       db,
		engine:   newEngine(options, registry),
		registry: registry,
		queries:  make(chan struct{}, concurrentQueries),
		live:     map[uint64]*liveSeries{},
		closing:  closing,
		close:    closeQueries,
	}, nil
}

// databaseOptions leaves every experimental feature of the TSDB off.
func databaseOptions(options Options) *tsdb.Options {
	o := tsdb.DefaultOptions()
	o.RetentionDuration = options.Retention.Milliseconds()
	o.MaxBytes = options.MaxBytes
	o.MinBlockDuration = min(maxHeadRange, options.Retention/10).Milliseconds()
	// A block is deleted only as a whole; Prometheus too bounds it to a tenth of the retention.
	o.MaxBlockDuration = max(o.MinBlockDuration, options.Retention.Milliseconds()/10)
	o.WALSegmentSize = walSegmentSize
	o.WALCompression = compression.Snappy
	o.StripeSize = stripeSize
	o.HeadChunksWriteBufferSize = headWriteBuffer
	o.SamplesPerChunk = samplesPerChunk
	return o
}

func newEngine(options Options, registry prometheus.Registerer) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger:                   options.Logger,
		Reg:                      registry,
		MaxSamples:               options.MaxSamples,
		Timeout:                  options.QueryTimeout,
		LookbackDelta:            Lookback,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Second.Milliseconds() },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		Parser:                   parser.NewParser(parser.Options{}),
	})
}

// isRefusal tells errors of the world, which moving the directory would not cure, from corruption.
func isRefusal(err error) bool {
	refusals := []error{
		ErrLocked, fs.ErrPermission, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.ENOTDIR,
		syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO, syscall.ENAMETOOLONG, syscall.ELOOP,
	}
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// moveAside renames dir to a free name beside it and returns that name.
func moveAside(dir string, now time.Time) (string, error) {
	base := filepath.Clean(dir) + ".corrupt-" + now.UTC().Format("20060102T150405Z")
	target := base
	for n := 2; ; n++ {
		_, err := os.Lstat(target)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("metrics: look for a name to move %s to: %w", dir, err)
		}
		target = fmt.Sprintf("%s.%d", base, n)
	}
	if err := os.Rename(dir, target); err != nil {
		return "", fmt.Errorf("metrics: move the corrupt directory aside: %w", err)
	}
	return target, nil
}
