package proxy

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// tunnelOf runs a pipe between two ends in a bubble of time, and returns the ends and a channel that is closed when it has ended.
func tunnelOf(idle time.Duration) (client, backend net.Conn, ended chan struct{}) {
	client, a := net.Pipe()
	b, backend := net.Pipe()
	p := &pipe{a: a, b: b, idle: idle, rest: min(idle, halfOpen), moves: func(int64, int64) {}}
	ended = make(chan struct{})
	go func() {
		p.run()
		a.Close()
		b.Close()
		close(ended)
	}()
	return client, backend, ended
}

func TestTunnelEndsWhenNothingMovesForItsTimeout(t *testing.T) {
	for _, idle := range []time.Duration{500 * time.Millisecond, time.Second, 10 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			client, backend, ended := tunnelOf(idle)
			began := time.Now()
			go io.Copy(io.Discard, backend)
			io.Copy(io.Discard, client)
			<-ended
			if took := time.Since(began); took < idle || took > idle+idle/2+halfOpen+2*time.Second {
				t.Errorf("timeouts.tunnel %v: ended after %v", idle, took)
			}
		})
	}
}

// What moves in one direction alone keeps the tunnel, however short the timeout.
func TestTunnelLivesWhileOneDirectionMoves(t *testing.T) {
	for _, idle := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			client, backend, ended := tunnelOf(idle)
			const messages = 400
			go io.Copy(io.Discard, backend)
			go func() {
				defer backend.Close()
				for range messages {
					if _, err := backend.Write([]byte("x")); err != nil {
						return
					}
					time.Sleep(idle / 4)
				}
			}()
			got, _ := io.ReadAll(client)
			if len(got) != messages {
				t.Errorf("timeouts.tunnel %v: %d of %d messages came, %v apart", idle, len(got), messages, idle/4)
			}
			client.Close()
			<-ended
			synctest.Wait()
		})
	}
}

// duplex is one end of a connection that can be closed one way at a time, in a bubble of time.
type duplex struct {
	net.Conn // reads
	out      net.Conn
}

func (d duplex) Write(p []byte) (int, error)        { return d.out.Write(p) }
func (d duplex) SetWriteDeadline(t time.Time) error { return d.out.SetWriteDeadline(t) }
func (d duplex) CloseWrite() error                  { return d.out.Close() }
func (d duplex) SetDeadline(t time.Time) error {
	d.out.SetDeadline(t)
	return d.Conn.SetDeadline(t)
}

func duplexes() (one, other duplex) {
	there, here := net.Pipe()
	back, forth := net.Pipe()
	return duplex{here, back}, duplex{forth, there}
}

// A client that has said all may receive for as long as something comes.
func TestTunnelOutlivesTheEndOfOneDirectionWhileTheOtherMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, a := duplexes()
		b, backend := duplexes()
		p := &pipe{a: a, b: b, idle: time.Hour, rest: halfOpen, moves: func(int64, int64) {}}
		ended := make(chan error)
		go func() { ended <- p.run() }()
		client.CloseWrite()
		io.Copy(io.Discard, backend)
		const messages = 20
		go func() {
			for range messages {
				backend.Write([]byte("x"))
				time.Sleep(halfOpen / 2)
			}
			backend.CloseWrite()
		}()
		if got, err := io.ReadAll(client); len(got) != messages || err != nil {
			t.Errorf("%d of %d messages came, %v", len(got), messages, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
