package proxy

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Thousands of streams that end in every way there is, on hundreds of connections that do so too, leave neither goroutines nor files nor memory
// behind, with backends of either protocol.
func TestStreamsLeaveNothingBehind(t *testing.T) {
	for _, back := range fronts() {
		t.Run(back.String(), func(t *testing.T) {
			goroutines, files := runtime.NumGoroutine(), descriptors(t)
			release := make(chan struct{})
			w := between(t, wire{http2: true}, back, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/large":
					w.Write(make([]byte, 1<<20))
				case "/wait":
					io.Copy(io.Discard, r.Body) // net/http looks whether the connection is there only behind the body
					select {
					case <-r.Context().Done():
					case <-release:
					}
				default:
					io.Copy(w, r.Body)
				}
			})
			address := w.server.Addr(anyPort).String()
			openAndLeave(t, address, 20) // what is kept for good is there
			endIdle(w.server)
			before := heapInUse()
			openAndLeave(t, address, 300)
			settled(t, w.server)
			endIdle(w.server)
			eventually(t, "memory is as before", func() bool { return heapInUse() < before+4<<20 })
			close(release)
			w.client.CloseIdleConnections()
			ctx, cancel := context.WithTimeout(context.Background(), patiently)
			defer cancel()
			if err := w.server.Shutdown(ctx); err != nil {
				t.Errorf("connections are open after all clients have left: %v", err)
			}
			// The origin's listener and its goroutines end with the test.
			eventually(t, "all goroutines and files are gone", func() bool {
				return runtime.NumGoroutine() <= goroutines+originTakes && descriptors(t) <= files+originTakes
			})
		})
	}
}

// originTakes is what an origin of net/http has besides its connections: the goroutine and the socket that it listens with, and what net/http may
// be about to close.
const originTakes = 3

// endIdle closes the connections to backends that are kept for the next requests: how many there are depends on how many were open at once, and each is
// 13 KB of the origin's, in this process.
func endIdle(s *Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.backends {
		b.connections.reap(time.Now())
	}
}

func heapInUse() int {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// openAndLeave opens connections of 12 streams, and leaves.
func openAndLeave(t *testing.T, address string, connections int) {
	t.Helper()
	var running sync.WaitGroup
	for worker := range 10 {
		running.Go(func() {
			for i := range connections / 10 {
				if err := twelveStreams(address, worker+i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
}

func twelveStreams(address string, kind int) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patiently))
	io.WriteString(conn, http2.ClientPreface)
	framer := http2.NewFramer(conn, conn)
	framer.WriteSettings()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := range uint32(12) {
		id := 2*i + 1
		path := []string{"/", "/large", "/wait"}[i%3]
		block.Reset()
		for _, field := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "shop"}} {
			encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
		}
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true})
		if i%4 != 3 {
			framer.WriteData(id, i%2 == 0, make([]byte, 10_000)) // half of them end
		}
		if i%4 == 1 || path == "/wait" && kind%3 == 0 {
			framer.WriteRSTStream(id, http2.ErrCodeCancel)
		}
	}
	framer.WritePing(false, [8]byte{1})
	for { // until all of it was looked at
		f, err := framer.ReadFrame()
		if err != nil {
			return err
		}
		if p, ok := f.(*http2.PingFrame); ok && p.IsAck() {
			break
		}
	}
	switch kind % 4 {
	case 0:
		framer.WriteGoAway(0, http2.ErrCodeNo, nil)
	case 1:
		conn.(*net.TCPConn).SetLinger(0)
	case 2:
		io.WriteString(conn, "nonsense instead of a frame")
	}
	return nil
}
