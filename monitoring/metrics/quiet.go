package metrics

import (
	"context"
	"log/slog"
)

// quiet makes the database's progress reports debug messages: it writes six lines at each start that tell a user of
// headroom nothing. Its warnings and errors stay what they are.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return q.Handler.Enabled(ctx, demoted(level))
}

func (q quiet) Handle(ctx context.Context, record slog.Record) error {
	record.Level = demoted(record.Level)
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
