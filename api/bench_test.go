package api

import (
	"net/http/httptest"
	"testing"
)

// BenchmarkNew is a part of the time from start to serving.
func BenchmarkNew(b *testing.B) {
	w := newWorld(b)
	b.ReportAllocs()
	for b.Loop() {
		w.handler = New(Options{Control: w.control, Monitor: w.monitor, Store: w.store, Events: w.feed})
	}
}

// BenchmarkStatus is what each `headroom status --watch` costs.
func BenchmarkStatus(b *testing.B) {
	w := newWorld(b)
	r := httptest.NewRequest("GET", "http://127.0.0.1:7070/api/scaling/status", nil)
	b.ReportAllocs()
	for b.Loop() {
		w.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}
