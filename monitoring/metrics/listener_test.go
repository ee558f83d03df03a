package metrics

import (
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestListenersAreCountedAndEndWithTheirLastReport(t *testing.T) {
	r, store, _ := newTestRecorder(t)
	front := headroom.ListenerMeasurement{
		Listen: ":443", Connections: 31, Accepted: 3, Refused: 1, Handshakes: headroom.Handshakes{Full: 2, Resumed: 4, Failed: 5},
		HTTP10: 6, HTTP11: 7, HTTP2: 8, Malformed: 9, Tunnels: 10,
	}
	second := func(n int, listeners ...headroom.ListenerMeasurement) time.Time {
		at := epoch.Add(time.Duration(n) * time.Second)
		r.RecordMeasurement(headroom.Measurement{At: at, Window: headroom.Duration(time.Second), LogDropped: 11, Listeners: listeners})
		return at
	}
	second(0, front, headroom.ListenerMeasurement{Listen: ":80"})
	at := second(1, front)
	for expr, want := range map[string]float64{
		`headroom_connections`:                                  31,
		`headroom_connections_accepted_total`:                   6,
		`headroom_connections_refused_total`:                    2,
		`headroom_tls_handshakes_total{result="full"}`:          4,
		`headroom_tls_handshakes_total{result="resumed"}`:       8,
		`headroom_tls_handshakes_total{result="failed"}`:        10,
		`headroom_listener_requests_total{protocol="HTTP/1.0"}`: 12,
		`headroom_listener_requests_total{protocol="HTTP/1.1"}`: 14,
		`headroom_listener_requests_total{protocol="HTTP/2.0"}`: 16,
		`headroom_malformed_requests_total`:                     18,
		`headroom_tunnels`:                                      10,
		`rate(headroom_connections_accepted_total[2s])`:         3,
	} {
		got := values(t, store, expr, at, "listen")
		if len(got) != 1 || got[":443"] != want {
			t.Errorf("%s is %v; expected %v of :443 alone", expr, got, want)
		}
	}
	if got := values(t, store, `headroom_access_log_dropped_lines_total`, at, ""); got[""] != 22 {
		t.Errorf("%v lines of the log were dropped; expected 22", got)
	}
}

func TestCertificatesAreTimesAndFailures(t *testing.T) {
	r, _, _ := newTestRecorder(t)
	day := 24 * time.Hour
	r.RecordMeasurement(headroom.Measurement{At: epoch, Window: headroom.Duration(time.Second), Certificates: []headroom.CertificateStatus{
		{Names: []string{"a.example", "b.example"}, File: "a.pem", NotBefore: epoch.Add(-30 * day), NotAfter: epoch.Add(60 * day)},
		{Names: []string{"a.example"}, File: "a.rsa.pem", NotBefore: epoch, NotAfter: epoch.Add(day), Error: "a.rsa.pem: there is no such file"},
		// One host on two listeners is one series, or a scrape would fail: the second was not obtained.
		{Names: []string{"c.example"}, NotBefore: epoch, NotAfter: epoch.Add(90 * day)},
		{Names: []string{"c.example"}, Error: "no such host"},
		{Names: []string{"d.example"}},
		{File: "nameless.pem", NotBefore: epoch, NotAfter: epoch.Add(day)},
	}})
	families := scrape(t, r.Handler())
	for name, want := range map[string]map[[2]string]float64{
		"headroom_certificate_expiry_timestamp_seconds": {
			{"a.example", "a.pem"}: float64(epoch.Unix()) + 60*86400, {"a.example", "a.rsa.pem"}: float64(epoch.Unix()) + 86400,
			{"c.example", ""}: float64(epoch.Unix()) + 90*86400, {"", "nameless.pem"}: float64(epoch.Unix()) + 86400,
		},
		"headroom_certificate_lifetime_seconds": {
			{"a.example", "a.pem"}: 90 * 86400, {"a.example", "a.rsa.pem"}: 86400, {"c.example", ""}: 90 * 86400, {"", "nameless.pem"}: 86400,
		},
		"headroom_certificate_failing": {
			{"a.example", "a.pem"}: 0, {"a.example", "a.rsa.pem"}: 1, {"c.example", ""}: 1, {"d.example", ""}: 0, {"", "nameless.pem"}: 0,
		},
	} {
		metrics := families[name].GetMetric()
		if len(metrics) != len(want) {
			t.Errorf("%s has %d series; expected %d", name, len(metrics), len(want))
		}
		for _, metric := range metrics {
			var key [2]string
			for _, label := range metric.GetLabel() {
				switch label.GetName() {
				case "name":
					key[0] = label.GetValue()
				case "file":
					key[1] = label.GetValue()
				}
			}
			if value, known := want[key]; !known || metric.GetGauge().GetValue() != value {
				t.Errorf("%s of %q is %v; expected %v", name, key, metric.GetGauge().GetValue(), value)
			}
		}
	}
}
