package api

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/protobuf/encoding/protowire"

	"headroom.dev/headroom"
)

// openOrders is an OTLP request with one gauge; a second point has no value.
func openOrders(t *testing.T) pmetricotlp.ExportRequest {
	t.Helper()
	metrics := pmetric.NewMetrics()
	metric := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName("orders")
	points := metric.SetEmptyGauge().DataPoints()
	points.AppendEmpty().SetIntValue(7)
	points.AppendEmpty()
	return pmetricotlp.NewExportRequestFromMetrics(metrics)
}

func (w *world) write(path string, body []byte, headers ...string) reply {
	w.t.Helper()
	r := httptest.NewRequest("POST", "http://127.0.0.1:7070"+path, bytes.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return w.send(r)
}

func (w *world) taken(want float64) {
	w.t.Helper()
	w.monitor.lock.Lock()
	defer w.monitor.lock.Unlock()
	if got := w.monitor.pushed; len(got) != 1 || got[0].Name != "orders" || got[0].Value != want || got[0].At.IsZero() {
		w.t.Errorf("the monitor got %+v; want orders of %v", got, want)
	}
	w.monitor.pushed = nil
}

func TestOTLPExportersAreServed(t *testing.T) {
	w := newWorld(t)
	body, err := openOrders(t).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write(body)
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	plain := w.write(otlpPath, body, "Content-Type", "application/x-protobuf")
	w.taken(7)
	zipped := w.write(otlpPath, packed.Bytes(), "Content-Type", "application/x-protobuf", "Content-Encoding", "gzip")
	w.taken(7)
	for _, got := range []reply{plain, zipped} {
		response := pmetricotlp.NewExportResponse()
		if err := response.UnmarshalProto(got.body); err != nil || got.status != http.StatusOK || got.header.Get("Content-Type") != "application/x-protobuf" {
			t.Fatalf("answered %d %v: %v", got.status, got.header, err)
		}
		if p := response.PartialSuccess(); p.RejectedDataPoints() != 1 || p.ErrorMessage() != "orders has a data point without a value" {
			t.Errorf("rejected %d: %s", p.RejectedDataPoints(), p.ErrorMessage())
		}
	}
	text, err := openOrders(t).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	got := w.write(otlpPath, text, "Content-Type", "application/json; charset=utf-8")
	w.taken(7)
	if want := `{"partialSuccess":{"rejectedDataPoints":"1","errorMessage":"orders has a data point without a value"}}`; got.status != http.StatusOK || string(got.body) != want {
		t.Errorf("answered %d %s; want %s", got.status, got.body, want)
	}
	if records := w.audit(); len(records) > 0 {
		t.Errorf("metrics are in the audit log: %+v", records)
	}
}

// written is a request of remote write 1.0 with one series.
func written(name string, value []byte, at time.Time) []byte {
	field := func(into []byte, number protowire.Number, inner []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(into, number, protowire.BytesType), inner)
	}
	sample := append(protowire.AppendTag(nil, 1, protowire.Fixed64Type), value...)
	sample = protowire.AppendVarint(protowire.AppendTag(sample, 2, protowire.VarintType), uint64(at.UnixMilli()))
	label := field(field(nil, 1, []byte("__name__")), 2, []byte(name))
	return snappy.Encode(nil, field(nil, 1, field(field(nil, 1, label), 2, sample)))
}

// nine is 9.0 as a double on the wire.
func nine() []byte { return []byte{0, 0, 0, 0, 0, 0, 0x22, 0x40} }

func remoteHeaders() []string {
	return []string{"Content-Type", "application/x-protobuf", "Content-Encoding", "snappy", "X-Prometheus-Remote-Write-Version", "0.1.0"}
}

func TestPrometheusRemoteWriteIsServed(t *testing.T) {
	w := newWorld(t)
	if got := w.write(remoteWritePath, written("orders", nine(), time.Now()), remoteHeaders()...); got.status != http.StatusNoContent || len(got.body) > 0 {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	w.taken(9)
}

func TestSendersAreToldWhatNotToSendAgain(t *testing.T) {
	protobuf := []string{"Content-Type", "application/x-protobuf"}
	orders := written("orders", nine(), time.Now())
	for name, c := range map[string]struct {
		path    string
		body    []byte
		headers []string
		status  int
		why     string
	}{
		"OTLP that is text":              {otlpPath, []byte("orders 7"), []string{"Content-Type", "text/plain"}, 415, "text/plain"},
		"OTLP without a type":            {otlpPath, []byte("orders 7"), nil, 415, "declared as"},
		"OTLP in zstd":                   {otlpPath, nil, append([]string{"Content-Encoding", "zstd"}, protobuf...), 415, "zstd"},
		"OTLP that is none":              {otlpPath, []byte("orders 7"), protobuf, 400, "not an ExportMetricsServiceRequest"},
		"OTLP in JSON that is none":      {otlpPath, []byte("orders 7"), []string{"Content-Type", "application/json"}, 400, `{"message":"the body is not an Export`},
		"OTLP that is not gzip":          {otlpPath, []byte("orders 7"), append([]string{"Content-Encoding", "gzip"}, protobuf...), 400, "not gzip"},
		"OTLP of 4 MiB and a byte":       {otlpPath, make([]byte, 4<<20+1), protobuf, 413, "more than 4194304 bytes"},
		"a write without snappy":         {remoteWritePath, orders, protobuf, 415, "declared as"},
		"a write in JSON":                {remoteWritePath, orders, []string{"Content-Type", "application/json", "Content-Encoding", "snappy"}, 415, "application/json"},
		"a write of version 2":           {remoteWritePath, orders, []string{"Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request", "Content-Encoding", "snappy"}, 415, "v2"},
		"a write that is none":           {remoteWritePath, []byte{0xff}, remoteHeaders(), 400, "not packed with snappy"},
		"a write of a nameless series":   {remoteWritePath, written("", nine(), time.Now()), remoteHeaders(), 400, "1 of the series cannot be taken: a metric has no name"},
		"a write of 4 MiB and a byte":    {remoteWritePath, make([]byte, 4<<20+1), remoteHeaders(), 413, "more than 4194304 bytes"},
		"a write from a page":            {remoteWritePath, orders, append([]string{"Sec-Fetch-Site", "cross-site"}, remoteHeaders()...), 403, "another origin"},
		"a write to another's host name": {remoteWritePath, orders, append([]string{"Host", "evil.example"}, remoteHeaders()...), 403, "evil.example"},
	} {
		w := newWorld(t)
		r := httptest.NewRequest("POST", "http://127.0.0.1:7070"+c.path, bytes.NewReader(c.body))
		for i := 0; i < len(c.headers); i += 2 {
			r.Header.Set(c.headers[i], c.headers[i+1])
			if c.headers[i] == "Host" {
				r.Host = c.headers[i+1]
			}
		}
		if got := w.send(r); got.status != c.status || !strings.Contains(string(got.body), c.why) {
			t.Errorf("%s: answered %d %s; want %d and %q", name, got.status, got.body, c.status, c.why)
		}
		if len(w.monitor.pushed) > 0 {
			t.Errorf("%s: %+v was taken", name, w.monitor.pushed)
		}
	}
}

func TestSendersTryAgainLaterWhenThereIsNobodyToTakeValues(t *testing.T) {
	w := newWorld(t)
	w.monitor.refuse = ErrUnavailable
	body, err := openOrders(t).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []reply{
		w.write(otlpPath, body, "Content-Type", "application/x-protobuf"),
		w.write(remoteWritePath, written("orders", nine(), time.Now()), remoteHeaders()...),
	} {
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "1" {
			t.Errorf("answered %d %v", got.status, got.header)
		}
	}
}

func TestTooManySeriesAreNotSentAgain(t *testing.T) {
	w := newWorld(t)
	w.monitor.refuse = &headroom.ConflictError{Reason: "there are too many series"}
	body, err := openOrders(t).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	response := pmetricotlp.NewExportResponse()
	got := w.write(otlpPath, body, "Content-Type", "application/x-protobuf")
	if err := response.UnmarshalProto(got.body); err != nil || got.status != http.StatusOK || response.PartialSuccess().RejectedDataPoints() != 2 {
		t.Errorf("answered %d %q: %v", got.status, got.body, err)
	}
	got = w.write(remoteWritePath, written("orders", nine(), time.Now()), remoteHeaders()...)
	if got.status != http.StatusBadRequest || !strings.Contains(string(got.body), "too many series") {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

func TestMetricsOfOthersNeedTheToken(t *testing.T) {
	w := newWorld(t)
	w.token = "secret"
	w.restart()
	for _, path := range []string{otlpPath, remoteWritePath} {
		if got := w.write(path, nil, "Content-Type", "application/x-protobuf"); got.status != http.StatusUnauthorized {
			t.Errorf("%s: answered %d without a token", path, got.status)
		}
	}
	got := w.write(remoteWritePath, written("orders", nine(), time.Now()), append(remoteHeaders(), "Authorization", "Bearer secret")...)
	if got.status != http.StatusNoContent {
		t.Errorf("answered %d with the token", got.status)
	}
}
