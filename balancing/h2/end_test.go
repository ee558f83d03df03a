package h2_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"headroom.dev/headroom/balancing/h2"
)

// TestShutdownServesWhatIsOpenAndWhatIsUnderWay: RFC 9113 section 6.8. The first GOAWAY names no stream, the last the last served.
func TestShutdownServesWhatIsOpenAndWhatIsUnderWay(t *testing.T) {
	near, far := net.Pipe()
	server := h2.NewServer(far, h2.ServerOptions{})
	release, ended := make(chan bool), make(chan error, 1)
	go func() { ended <- server.Serve(func(s *h2.Stream) { <-release; echo(s) }) }()
	r := newRaw(t, near)
	go r.read()
	io.WriteString(near, http2.ClientPreface)
	r.WriteSettings()
	r.headers(1, true, get()...)
	r.ping()
	server.Shutdown()
	if last := lastStream(r.next(http2.FrameGoAway, 0)); last != 1<<31-1 {
		t.Errorf("the first GOAWAY has last stream %d, want 2^31-1", last)
	}
	ping := r.next(http2.FramePing, 0)
	r.headers(3, true, get()...) // was under way
	r.WritePing(true, [8]byte(ping.payload))
	if last := lastStream(r.next(http2.FrameGoAway, 0)); last != 3 {
		t.Errorf("the last GOAWAY has last stream %d, want 3", last)
	}
	r.headers(5, false, get()...) // is ignored, with all that comes behind it
	r.WriteData(5, false, []byte("body"))
	r.WriteWindowUpdate(5, 1)
	r.WriteRSTStream(5, http2.ErrCodeCancel)
	close(release)
	got := map[uint32]bool{}
	for f := range r.frames {
		if f.kind == http2.FrameData {
			got[f.stream] = true
		}
	}
	if !got[1] || !got[3] || got[5] {
		t.Errorf("answered streams %v, want 1 and 3", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v, want nil", err)
	}
	near.Close()
}

// TestShutdownDoesNotWaitForAClientThatIsSilent: the last GOAWAY follows after a second.
func TestShutdownDoesNotWaitForAClientThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		server := h2.NewServer(far, h2.ServerOptions{})
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(echo) }()
		r := newRaw(t, near)
		go r.read()
		io.WriteString(near, http2.ClientPreface)
		r.WriteSettings()
		r.ping()
		begun := time.Now()
		server.Shutdown()
		if err := <-ended; err != nil || time.Since(begun) > 2*time.Second {
			t.Errorf("Serve: %v after %v, want nil after a second", err, time.Since(begun))
		}
		near.Close()
	})
}

// TestCloseEndsEverythingAtOnce on both sides: waits return, cancel functions are called, Serve returns after the handlers.
func TestCloseEndsEverythingAtOnce(t *testing.T) {
	for _, which := range []string{"server", "client"} {
		t.Run(which, func(t *testing.T) {
			near, far := net.Pipe()
			var handlers, canceled atomic.Int64
			var begun sync.WaitGroup
			begun.Add(10)
			server := h2.NewServer(far, h2.ServerOptions{})
			ended := make(chan error, 1)
			go func() {
				ended <- server.Serve(func(s *h2.Stream) {
					handlers.Add(1)
					defer handlers.Add(-1)
					s.SetCancel(func() { canceled.Add(1) })
					begun.Done()
					if _, err := s.Next(); err == nil || !s.Gone() {
						t.Errorf("Next: %v, gone %v", err, s.Gone())
					}
				})
			}()
			client, err := h2.NewClient(near, h2.ClientOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var waiting sync.WaitGroup
			for range 10 {
				s, err := client.Open()
				if err != nil {
					t.Fatal(err)
				}
				waiting.Go(func() {
					defer s.Close()
					s.WriteHead([]byte("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), false)
					if _, err := s.ReadHead(); err == nil || !s.Gone() {
						t.Errorf("ReadHead: %v, gone %v", err, s.Gone())
					}
				})
			}
			begun.Wait()
			if which == "server" {
				server.Close()
			} else {
				client.Close()
			}
			if err := <-ended; err == nil {
				t.Error("Serve returned nil with requests open")
			}
			waiting.Wait()
			<-client.Done()
			if handlers.Load() != 0 || canceled.Load() != 10 || client.Usable() || server.Streams()+client.Streams() != 0 {
				t.Errorf("%d handlers run, %d were canceled, usable %v", handlers.Load(), canceled.Load(), client.Usable())
			}
			if _, err := client.Open(); err != h2.ErrGoingAway {
				t.Errorf("Open: %v, want ErrGoingAway", err)
			}
		})
	}
}

// TestCancelIsNotCalledAfterItWasRemoved: SetCancel(nil) waits for a call that has begun.
func TestCancelIsNotCalledAfterItWasRemoved(t *testing.T) {
	var wrong atomic.Int64
	address := serve(t, false, h2.ServerOptions{}, func(s *h2.Stream) {
		removed := new(atomic.Bool)
		s.SetCancel(func() {
			if removed.Load() {
				wrong.Add(1)
			}
		})
		s.Next()
		s.SetCancel(nil)
		removed.Store(true)
		s.Reset(h2.Cancel)
	})
	client := dial(t, address, h2.ClientOptions{})
	for range 500 {
		s, err := client.Open()
		if err != nil {
			t.Fatal(err)
		}
		s.WriteHead([]byte("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), false)
		s.Write([]byte("x"), false)
		s.Flush()
		s.Close()
		if !client.Usable() {
			client = dial(t, address, h2.ClientOptions{}) // so many resets are a flood
		}
	}
	if wrong.Load() > 0 {
		t.Errorf("%d calls came too late", wrong.Load())
	}
}

func TestClientClosesWhenTheLastStreamEndsAfterShutdown(t *testing.T) {
	near, far := net.Pipe()
	client, server := newPair(t, near, far, echo)
	s, _ := client.Open()
	client.Shutdown()
	if _, err := client.Open(); err != h2.ErrGoingAway {
		t.Errorf("Open: %v, want ErrGoingAway", err)
	}
	// The stream has its place but is not on the wire yet: it is not begun on a connection that goes.
	reset := new(h2.StreamError)
	if err := s.WriteHead([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), true); !errors.As(err, &reset) || !reset.Refused() {
		t.Errorf("WriteHead: %v, want refused", err)
	}
	s.Close()
	if err := server(); err != nil {
		t.Errorf("Serve: %v, want nil", err)
	}
}
