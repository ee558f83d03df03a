package h2

import (
	"testing"
	"time"
)

// reads has n bytes come and be read in frames, at once, and reports whether the window was ever closed.
func (w *window) reads(t *testing.T, n int) {
	t.Helper()
	for ; n > 0; n -= maxFrame {
		if !w.take(maxFrame) {
			t.Fatal("the window is closed although all is read")
		}
		if w.give(maxFrame, w.size/2) > 0 {
			w.grow()
		}
		if w.left+w.consumed != w.size {
			t.Fatalf("%d may be sent and %d are not given back, want %d in all", w.left, w.consumed, w.size)
		}
	}
}

// TestWindowsGrow to what 1 Gbit/s at 20 ms needs, 10^9 / 8 × 0.02 = 2.5 MB.
func TestWindowsGrow(t *testing.T) {
	memory := NewMemory(DefaultMemory)
	stream, conn := newWindow(firstStreamWindow, mostStreamWindow, memory), newWindow(firstConnWindow, mostConnWindow, memory)
	stream.reads(t, 8<<20)
	conn.reads(t, 16<<20)
	if stream.size != mostStreamWindow || conn.size != mostConnWindow || mostStreamWindow < 2_500_000 || mostStreamWindow > mostConnWindow/2 {
		t.Errorf("the windows are %d and %d", stream.size, conn.size)
	}
	if want := int64(mostStreamWindow - firstStreamWindow + mostConnWindow - firstConnWindow); memory.lent.Load() != want {
		t.Errorf("%d are lent, want %d", memory.lent.Load(), want)
	}
	stream.end()
	conn.end()
	if memory.lent.Load() != 0 {
		t.Errorf("%d are lent at the end", memory.lent.Load())
	}
}

// TestManyWindowsShareTheMemory: of 16 MB, 100 that take what they can get have 16 MB / (16 + 100) = 144 KB each at most. The first were
// alone and got more, up to 16 MB / (16 + 1) = 987 KB, and give it back as they go on.
func TestManyWindowsShareTheMemory(t *testing.T) {
	memory := NewMemory(16 << 20)
	windows := make([]window, 100)
	for i := range windows {
		windows[i] = newWindow(firstConnWindow, mostConnWindow, memory)
		windows[i].reads(t, 4<<20)
	}
	if first := windows[0].size; first != 1<<20 { // 128 KB × 8: 896 KB are lent
		t.Errorf("the first has %d, want 1 MB", first)
	}
	for i := range windows {
		windows[i].reads(t, 4<<20)
	}
	sum := 0
	for i := range windows {
		if size := windows[i].size; size < firstConnWindow || size > 1<<20/2 {
			t.Errorf("window %d has %d", i, size)
		}
		sum += windows[i].size - firstConnWindow
	}
	if lent := memory.lent.Load(); lent != int64(sum) || lent > 16<<20 {
		t.Errorf("%d are lent and %d are had, of 16 MB", lent, sum)
	}
}

func TestWindowGrowsOnlyForAPeerWhoMayWaitForIt(t *testing.T) {
	var w window
	now := time.Now()
	for i, want := range []bool{true, true, false, true} {
		if i == 2 {
			now = now.Add(growWithin)
		}
		if got := w.quick(now); got != want {
			t.Errorf("%d: %v", i, got)
		}
		now = now.Add(growWithin / 2)
	}
}
