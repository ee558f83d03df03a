package metrics

import (
	"context"
	"log/slog"
)

// quiet makes the database's progress reports debug messages: it writes six lines at each start that tell a user of
// headroom nothing. So does its warning of a lock file that a killed process left, since being killed is a way of
// ending that headroom is made for. Its other warnings and errors stay what they are.
type quiet struct{ slog.Handler }

// leftLock is the warning of tsdb's directory lock; should it be worded anew, it is seen again.
const leftLock = "A lockfile from a previous execution already existed. It was replaced"

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return q.Handler.Enabled(ctx, demoted(level))
}

func (q quiet) Handle(ctx context.Context, record slog.Record) error {
	record.Level = demoted(record.Level)
	if record.Message == leftLock {
		record.Level = slog.LevelDebug
	}
	if !q.Handler.Enabled(ctx, record.Level) {
		return nil
	}
	return q.Handler.Handle(ctx, record)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }

func demoted(level slog.Level) slog.Level {
	if level == slog.LevelInfo {
		return slog.LevelDebug
	}
	return level
}
