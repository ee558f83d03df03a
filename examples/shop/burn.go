package main

import (
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// furnace burns CPU time, on no more threads at once than there are cores for them.
type furnace struct {
	places chan struct{} // one token per burning thread
	sink   atomic.Uint64 // takes what is computed, so that the compiler cannot leave the loop out
}

func newFurnace() *furnace {
	return &furnace{places: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// burn uses d of CPU time, and not merely of wall time: on a machine with too few cores it takes longer, as real work
// does. It looks at the clock about every 20 µs, hence overshoots by about as much.
func (f *furnace) burn(d time.Duration) {
	if d <= 0 {
		return
	}
	// Each burner holds a thread; without the limit a thousand queued requests would make a thousand threads.
	f.places <- struct{}{}
	defer func() { <-f.places }()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	x := uint64(d)
	for end := threadCPU() + d; threadCPU() < end; {
		for range 10_000 { // about 2 ns a step
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
	}
	f.sink.Store(x)
}

// ballast is memory held for as long as the service lives.
type ballast struct{ pages []byte }

// hold takes n bytes and writes to each page, so that they count as resident and not merely as reserved.
func hold(n int64) *ballast {
	b := &ballast{pages: make([]byte, n)}
	for i := 0; i < len(b.pages); i += os.Getpagesize() {
		b.pages[i] = 1
	}
	return b
}

// release lets go of the memory; until it is called the collector keeps it.
func (b *ballast) release() { b.pages = nil }
