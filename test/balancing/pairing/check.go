package pairing

import "testing"

// Check fails a test whose run has a mismatch, or says too little.
func Check(t testing.TB, r Report) {
	t.Helper()
	for i, text := range r.Mismatches {
		if i == 10 {
			t.Errorf("and %d more", len(r.Mismatches)-i)
			break
		}
		t.Error(text)
	}
	t.Logf("of %d requests %d proven, %d broken off, %d unanswered", r.Sent, r.Proven, r.Broken, r.Unanswered)
	t.Logf("of %d responses that nobody had asked for, or behind one, %d crossed a request on the way", r.Delayed, r.Crossed)
	if r.Proven < r.Sent/3 {
		t.Errorf("only %d of %d requests were proven", r.Proven, r.Sent)
	}
}
