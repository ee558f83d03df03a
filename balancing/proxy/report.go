package proxy

import (
	"bytes"
	"time"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/pick"
)

// findReport keeps what the head of a response says of the backend's load (ORCA). Clients do not get it.
func (x *exchange) findReport() {
	if !x.view.reports {
		return
	}
	if value := x.res.Value(h1.LoadMetrics); value != nil {
		x.report(x.headAt, value, pick.ParseReport)
	}
	if value := x.res.Value(h1.LoadMetricsBin); value != nil {
		x.report(x.headAt, value, pick.ParseBinaryReport)
	}
}

func (x *exchange) report(at time.Time, value []byte, parse func([]byte) (pick.Report, bool)) {
	if r, ok := parse(value); ok && x.backend != nil {
		x.backend.load.Report(x.conn.server.tick(at), r)
	}
}

// takeReport keeps what trailer lines say of the backend's load, as servers of gRPC send it, and returns the others.
func (x *exchange) takeReport(lines []byte) []byte {
	if !x.view.reports || len(lines) == 0 {
		return lines
	}
	kept := lines[:0]
	for rest := lines; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		line := rest[:end]
		rest = rest[end:]
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, []byte("endpoint-load-metrics")):
			x.report(time.Now(), value, pick.ParseReport)
		case bytes.EqualFold(name, []byte("endpoint-load-metrics-bin")):
			x.report(time.Now(), value, pick.ParseBinaryReport)
		default:
			kept = append(kept, line...)
		}
	}
	return kept
}
