package h2_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/h2"
)

// TestDeadlinesEndWaits of all four kinds, and reading goes on after one.
func TestDeadlinesEndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		client, server := newPair(t, near, far, func(s *h2.Stream) {
			begun := time.Now()
			s.SetReadDeadline(begun.Add(time.Second))
			_, err := s.Next()
			wantDeadline(t, "Next", err, time.Since(begun), time.Second)
			if _, err = s.Poll(); err != h1.ErrIncomplete {
				t.Errorf("Poll: %v, want ErrIncomplete", err)
			}
			s.SetReadDeadline(time.Time{})
			if part, err := s.Next(); string(part) != "late" || err != nil {
				t.Errorf("Next after the deadline: %q, %v", part, err)
			}
			begun = time.Now()
			s.WriteHead([]byte("HTTP/1.1 200 OK\r\n\r\n"), false)
			s.SetWriteDeadline(begun.Add(time.Second))
			err = s.Write(make([]byte, 10<<20), false) // nobody reads
			wantDeadline(t, "Write", err, time.Since(begun), time.Second)
			s.Reset(h2.Cancel)
		})
		s, err := client.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.WriteHead([]byte("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), false); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		s.SetReadDeadline(begun.Add(1500 * time.Millisecond))
		_, err = s.ReadHead()
		wantDeadline(t, "ReadHead", err, time.Since(begun), 1500*time.Millisecond)
		s.Write([]byte("late"), false)
		s.Flush()
		s.SetReadDeadline(time.Time{})
		if _, err := s.ReadHead(); err != nil {
			t.Errorf("ReadHead after the deadline: %v", err)
		}
		synctest.Wait()
		time.Sleep(2 * time.Second)
		s.Close()
		client.Close()
		server()
	})
}

func wantDeadline(t *testing.T, what string, err error, took, want time.Duration) {
	t.Helper()
	if !errors.Is(err, os.ErrDeadlineExceeded) || took < want || took > want+200*time.Millisecond {
		t.Errorf("%s: %v after %v, want the deadline after %v", what, err, took, want)
	}
}

// newPair connects both sides over a connection; the function waits for the server's end.
func newPair(t *testing.T, near, far net.Conn, handle func(*h2.Stream)) (*h2.Client, func() error) {
	t.Helper()
	ended := make(chan error, 1)
	server := h2.NewServer(far, h2.ServerOptions{})
	go func() { ended <- server.Serve(handle) }()
	client, err := h2.NewClient(near, h2.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return client, func() error { <-client.Done(); return <-ended }
}

// TestDeadPeersAreFoundByPing: nothing comes for 30 s, so a PING goes out; nothing comes for 30 s more, and the connection ends.
func TestDeadPeersAreFoundByPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		server := h2.NewServer(far, h2.ServerOptions{IdleTimeout: -1})
		ended := make(chan error, 1)
		begun := time.Now()
		go func() { ended <- server.Serve(func(s *h2.Stream) { s.Next() }) }()
		r := newRaw(t, near)
		go r.read()
		io.WriteString(near, http2.ClientPreface)
		r.WriteSettings()
		r.headers(1, false, postHead()...)
		r.next(http2.FramePing, 0) // not answered
		if took := time.Since(begun); took < 30*time.Second || took > 40*time.Second {
			t.Errorf("the PING came after %v, want 30 to 40 s", took)
		}
		if err := <-ended; err == nil {
			t.Error("Serve returned nil for a peer that is gone")
		}
		if took := time.Since(begun); took < 60*time.Second || took > 70*time.Second {
			t.Errorf("the end came after %v, want 60 to 70 s", took)
		}
		near.Close()
	})
}

func TestPeersThatAnswerPingsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		client, server := newPair(t, near, far, func(s *h2.Stream) {
			s.Next()
			s.WriteHead([]byte("HTTP/1.1 200 OK\r\n\r\n"), true)
		})
		s, _ := client.Open()
		s.WriteHead([]byte("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), false)
		s.Flush()
		time.Sleep(time.Hour)
		s.Write(nil, true)
		if _, err := s.ReadHead(); err != nil {
			t.Errorf("after an hour: %v", err)
		}
		s.Close()
		client.Close()
		server()
	})
}

func TestIdleConnectionsEndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		begun := time.Now()
		client, server := newPair(t, near, far, echo)
		if err := server(); err != nil {
			t.Errorf("Serve: %v, want nil", err)
		}
		if took := time.Since(begun); took < 3*time.Minute || took > 4*time.Minute {
			t.Errorf("ended after %v, want 3 to 4 min", took)
		}
		if _, err := client.Open(); err != h2.ErrGoingAway {
			t.Errorf("Open: %v, want ErrGoingAway", err)
		}
	})
}

// TestSilentConnectionEnds: a preface must come within 10 s.
func TestSilentConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go io.Copy(io.Discard, near)
		begun := time.Now()
		if err := h2.NewServer(far, h2.ServerOptions{}).Serve(echo); err == nil {
			t.Error("Serve returned nil")
		}
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("ended after %v, want 10 s", took)
		}
		near.Close()
	})
}
