package h2_test

import (
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"headroom.dev/headroom/balancing/h2"
)

const (
	// lendable is the memory of these tests, and firstWindow what each connection of a server may have without it.
	lendable    = 16 << 20
	firstWindow = 128 << 10
	// keepsPaceFor is how much a hostile handler or reader takes in before it stops: half of each window from 64 KB to 2 MB is 2 MB, and
	// behind them the window is 4 MB.
	keepsPaceFor = 3 << 20
)

// heap is what is in use after a collection.
func heap() int {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// readSome reads at least n bytes of a body, or up to its end.
func readSome(s *h2.Stream, n int) error {
	for n > 0 {
		part, err := s.Next()
		if err != nil {
			return err
		}
		n -= len(part)
	}
	return nil
}

// pour writes until the other end has taken nothing for a second, or n bytes.
func pour(s *h2.Stream, n int) {
	piece := make([]byte, 64<<10)
	for ; n > 0; n -= len(piece) {
		s.SetWriteDeadline(time.Now().Add(time.Second))
		if s.Write(piece, false) != nil {
			return
		}
	}
}

// TestHostileUploadsShareTheMemory: connections whose windows were made to grow, and of which nothing is read then, would hold 8 MB each.
func TestHostileUploadsShareTheMemory(t *testing.T) {
	const connections, streams = 40, 3
	stop := make(chan struct{})
	address := serve(t, false, h2.ServerOptions{Memory: h2.NewMemory(lendable)}, func(s *h2.Stream) {
		if string(s.Head()[:4]) == "PUT " {
			if readSome(s, keepsPaceFor) == nil {
				<-stop
			}
			return
		}
		readSome(s, 1<<30)
		s.WriteHead([]byte("HTTP/1.1 200 OK\r\n\r\n"), true)
	})
	honest := dial(t, address, h2.ClientOptions{})
	alone := upload(t, honest)
	before := heap()
	var pouring sync.WaitGroup
	for range connections {
		client := dial(t, address, h2.ClientOptions{})
		for range streams {
			s, err := client.Open()
			if err != nil {
				t.Fatal(err)
			}
			s.WriteHead([]byte("PUT / HTTP/1.1\r\nHost: a\r\n\r\n"), false)
			pouring.Go(func() { pour(s, 64<<20) })
		}
	}
	pouring.Wait()
	grown := heap() - before
	beside := upload(t, honest)
	close(stop)
	t.Logf("the heap grew by %d KB; 16 MB took %v alone and %v beside them", grown>>10, alone, beside)
	// Both sides are in this process: beside what was received, each connection has buffers of 64 KB to read and 64 KB to write on each.
	if most := lendable + connections*(firstWindow+256<<10); grown > most {
		t.Errorf("the heap grew by %d KB, want at most %d", grown>>10, most>>10)
	}
	if beside > 4*alone+time.Second {
		t.Errorf("16 MB took %v, and %v alone", beside, alone)
	}
}

// upload sends 16 MB and tells how long that took.
func upload(t *testing.T, client *h2.Client) time.Duration {
	t.Helper()
	begun := time.Now()
	s, err := client.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.WriteHead([]byte("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), false)
	if err := s.Write(make([]byte, 16<<20), true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadHead(); err != nil {
		t.Fatal(err)
	}
	return time.Since(begun)
}

// TestResponsesThatNobodyReadsShareTheMemory on a connection to a backend, and stop no other on it.
func TestResponsesThatNobodyReadsShareTheMemory(t *testing.T) {
	const streams, first = 90, 64 << 10
	var pouring sync.WaitGroup
	pouring.Add(streams)
	address := serve(t, false, h2.ServerOptions{}, func(s *h2.Stream) {
		s.WriteHead([]byte("HTTP/1.1 200 OK\r\n\r\n"), false)
		if string(s.Head()[:4]) == "GET " {
			s.Write(make([]byte, 16<<20), true)
			return
		}
		pour(s, 64<<20)
		pouring.Done()
	})
	client := dial(t, address, h2.ClientOptions{Memory: h2.NewMemory(lendable)})
	alone := download(t, client)
	before := heap()
	var reading sync.WaitGroup
	for range streams {
		s, err := client.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.WriteHead([]byte("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), true)
		s.Flush()
		reading.Go(func() {
			s.ReadHead()
			if err := readSome(s, keepsPaceFor); err != nil {
				t.Error(err)
			}
		})
	}
	reading.Wait()
	pouring.Wait()
	grown := heap() - before
	beside := download(t, client)
	t.Logf("the heap grew by %d KB; 16 MB took %v alone and %v beside them", grown>>10, alone, beside)
	if most := lendable + streams*(first+16<<10) + 1<<20; grown > most {
		t.Errorf("the heap grew by %d KB, want at most %d", grown>>10, most>>10)
	}
	if beside > 4*alone+time.Second {
		t.Errorf("16 MB took %v, and %v alone", beside, alone)
	}
}

// download reads 16 MB and tells how long that took.
func download(t *testing.T, client *h2.Client) time.Duration {
	t.Helper()
	begun := time.Now()
	s, err := client.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.WriteHead([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), true)
	if _, err := s.ReadHead(); err != nil {
		t.Fatal(err)
	}
	if err := readSome(s, 1<<30); err != io.EOF {
		t.Fatal(err)
	}
	return time.Since(begun)
}
