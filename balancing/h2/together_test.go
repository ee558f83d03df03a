package h2_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"headroom.dev/headroom/balancing/h2"
)

func TestClientCancelReachesTheHandler(t *testing.T) {
	begun, canceled, returned := make(chan bool), make(chan bool), make(chan error, 1)
	address := serve(t, false, h2.ServerOptions{}, func(s *h2.Stream) {
		s.SetCancel(func() { close(canceled) })
		close(begun) // no head is sent: once net/http has it, it notices the cancel only when it reads or writes the body
		_, err := s.Next()
		returned <- err
		if !s.Gone() {
			t.Error("the stream is not gone after the reset")
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	reader, _ := io.Pipe()
	request, _ := http.NewRequestWithContext(ctx, "POST", "http://"+address, reader)
	go stdClient(t, false).Do(request)
	<-begun
	cancel()
	<-canceled
	reset := new(h2.StreamError)
	if err := <-returned; !errors.As(err, &reset) || reset.Code != h2.Cancel || reset.Refused() {
		t.Fatalf("Next returned %v, want a reset with CANCEL", err)
	}
}

func TestStandardServerSeesOurCancel(t *testing.T) {
	begun, canceled := make(chan bool), make(chan bool)
	address := stdServer(t, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(canceled)
	})
	client := dial(t, address, h2.ClientOptions{})
	s, _ := client.Open()
	s.WriteHead([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), true)
	s.Flush()
	<-begun
	s.Close()
	<-canceled
	if client.Streams() != 0 || !client.Usable() {
		t.Errorf("%d streams, usable %v", client.Streams(), client.Usable())
	}
}

func TestPanickingStandardHandlerResetsTheStream(t *testing.T) {
	address := stdServer(t, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	s, _ := dial(t, address, h2.ClientOptions{}).Open()
	defer s.Close()
	s.WriteHead([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), true)
	_, err := s.ReadHead()
	reset := new(h2.StreamError)
	if !errors.As(err, &reset) || reset.Code != h2.InternalError || reset.Local {
		t.Fatalf("got %v, want a reset with INTERNAL_ERROR", err)
	}
}

// TestManyStreamsAtOnceKeepTheirBodiesApart mixes sizes and aborts: every response must be the proof of its own request.
func TestManyStreamsAtOnceKeepTheirBodiesApart(t *testing.T) {
	address := serve(t, false, h2.ServerOptions{}, echo)
	ours := dial(t, address, h2.ClientOptions{})
	standard := stdClient(t, false)
	standardAddress := stdServer(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	oursToStandard := dial(t, standardAddress, h2.ClientOptions{})
	var running sync.WaitGroup
	var done atomic.Int64
	for i := range 90 {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for range 10 {
				body := bytes.Repeat([]byte{byte(random.Uint32())}, 1+random.IntN(40_000))
				var got []byte
				var err error
				switch i % 3 {
				case 0:
					got, err = post(ours, body, random.IntN(8) == 0)
				case 1:
					got, err = post(oursToStandard, body, random.IntN(8) == 0)
				case 2:
					var response *http.Response
					response, err = standard.Post("http://"+address, "", bytes.NewReader(body))
					if err == nil {
						got, err = io.ReadAll(response.Body)
						response.Body.Close()
					}
				}
				if err == errAborted {
					continue
				}
				if err != nil || !bytes.Equal(got, body) {
					t.Errorf("posted %d bytes of %d, got %d, %v", len(body), body[0], len(got), err)
					return
				}
				done.Add(1)
			}
		})
	}
	running.Wait()
	t.Logf("%d exchanges", done.Load())
	if ours.Streams() != 0 || oursToStandard.Streams() != 0 {
		t.Errorf("%d and %d streams are still open", ours.Streams(), oursToStandard.Streams())
	}
}

var errAborted = errors.New("aborted by the test")

func post(client *h2.Client, body []byte, abort bool) ([]byte, error) {
	s, err := client.Open()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.WriteHead([]byte("POST / HTTP/1.1\r\nHost: a\r\ncontent-length: "+strconv.Itoa(len(body))+"\r\n\r\n"), false); err != nil {
		return nil, err
	}
	var sending sync.WaitGroup
	sending.Go(func() {
		s.Write(body[:len(body)/2], false)
		if abort {
			s.Reset(h2.Cancel)
			return
		}
		s.Write(body[len(body)/2:], true)
		s.Flush()
	})
	defer sending.Wait()
	if abort {
		sending.Wait()
		return nil, errAborted
	}
	if _, err := s.ReadHead(); err != nil {
		return nil, err
	}
	return readAll(s)
}
