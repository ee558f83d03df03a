package certificate

import (
	"context"
	"log/slog"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapLogger passes what certmagic logs of trouble on to our logger. What goes well is told by its events.
func zapLogger(logger *slog.Logger) *zap.Logger { return zap.New(zapCore{logger}) }

// zapCore is a zapcore.Core that writes to a slog.Logger.
type zapCore struct{ logger *slog.Logger }

func (c zapCore) Enabled(level zapcore.Level) bool { return level >= zapcore.WarnLevel }

func (c zapCore) With(fields []zapcore.Field) zapcore.Core {
	return zapCore{c.logger.With(attributes(fields)...)}
}

func (c zapCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(entry.Level) {
		return checked
	}
	return checked.AddCore(entry, c)
}

// Write never logs above a warning: the certificate that there is serves on, and attempts are made again.
func (c zapCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	level := slog.LevelWarn
	if strings.HasSuffix(entry.LoggerName, "acme_client") {
		level = slog.LevelDebug // the steps of an attempt, whose outcome is logged with the reason
	}
	c.logger.Log(context.Background(), level, "acme: "+strings.TrimSpace(entry.Message), attributes(fields)...)
	return nil
}

func (c zapCore) Sync() error { return nil }

func attributes(fields []zapcore.Field) []any {
	encoder := zapcore.NewMapObjectEncoder()
	list := make([]any, 0, 2*len(fields))
	for _, field := range fields {
		field.AddTo(encoder)
		if value, ok := encoder.Fields[field.Key]; ok {
			list = append(list, field.Key, value)
		}
	}
	return list
}
