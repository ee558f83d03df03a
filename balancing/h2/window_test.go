package h2

import "testing"

// TestWindowGrowsForAReaderWhoKeepsPace to what 1 Gbit/s at 20 ms needs, 10^9 / 8 × 0.02 = 2.5 MB, within 8 MB read; and not for one
// who has a quarter of it or more unread.
func TestWindowGrowsForAReaderWhoKeepsPace(t *testing.T) {
	for _, test := range []struct{ unread, want int }{{0, mostStreamWindow}, {mostStreamWindow, firstStreamWindow}} {
		w := window{size: firstStreamWindow, most: mostStreamWindow, left: firstStreamWindow}
		for read := 0; read < 8<<20; read += maxFrame {
			if !w.take(maxFrame) {
				t.Fatal("the window is closed although all is read")
			}
			w.give(maxFrame, test.unread)
		}
		if w.size != test.want {
			t.Errorf("with %d unread the window is %d, want %d", test.unread, w.size, test.want)
		}
		if w.left+w.consumed != w.size {
			t.Errorf("%d may be sent and %d are not given back, want %d in all", w.left, w.consumed, w.size)
		}
	}
	if mostStreamWindow < 2_500_000 || mostStreamWindow > mostConnWindow/2 {
		t.Error("the windows do not hold what they promise")
	}
}
