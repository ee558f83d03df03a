//go:build linux

package generator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"headroom.dev/headroom/simulate/load"
)

// Handshake is how a connection is made.
type Handshake string

// How connections can be made. All TLS is 1.3 with X25519, so that every server does the same work.
const (
	Plain   Handshake = "plain"
	Full    Handshake = "full"    // a TLS handshake with the server's signature
	Resumed Handshake = "resumed" // a TLS handshake with a ticket of an earlier one
)

// Connect makes a new connection for each request.
type Connect struct {
	Address   string
	Handshake Handshake
	Path      string
}

// dialer makes connections as they are wanted; resumed ones after one full handshake.
func (c Connect) dialer(ctx context.Context) (func(context.Context) (net.Conn, error), error) {
	var plain net.Dialer
	if c.Handshake == Plain {
		return func(ctx context.Context) (net.Conn, error) { return plain.DialContext(ctx, "tcp", c.Address) }, nil
	}
	// The certificate is of the benchmark's own making and not verified; the server's signature by it is.
	config := &tls.Config{MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}, ServerName: "bench.test",
		InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
	if c.Handshake == Resumed {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	dial := func(ctx context.Context) (net.Conn, error) {
		conn, err := plain.DialContext(ctx, "tcp", c.Address)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		return secure, nil
	}
	if c.Handshake == Full {
		return dial, nil
	}
	// Tickets come after the handshake, with the first answer.
	if err := c.exchange(ctx, dial, make([]byte, 4<<10)); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err == nil && !conn.(*tls.Conn).ConnectionState().DidResume {
			conn.Close()
			return nil, errors.New("the server does not resume sessions")
		}
		return conn, err
	}, nil
}

// exchange is one request on a connection of its own, until the server closes it.
func (c Connect) exchange(ctx context.Context, dial func(context.Context) (net.Conn, error), buf []byte) error {
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: bench.test\r\nConnection: close\r\n\r\n", c.Path); err != nil {
		return err
	}
	a := answer{}
	for done := false; !done; {
		n, err := conn.Read(buf)
		if n > 0 {
			if done, err = a.read(buf[:n]); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("the connection ended before the answer: %w", err)
		}
	}
	if n, err := conn.Read(buf); n > 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the answer, in place of the end: %d bytes, %w", n, err)
	}
	return nil
}

// Capacity makes as many connections as it can, a number of them at once.
func (c Connect) Capacity(ctx context.Context, atOnce int, d time.Duration) (Capacity, error) {
	dial, err := c.dialer(ctx)
	if err != nil {
		return Capacity{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var done atomic.Int64
	var workers sync.WaitGroup
	began := time.Now()
	for range atOnce {
		workers.Go(func() {
			buf := make([]byte, 4<<10)
			for time.Since(began) < d && ctx.Err() == nil {
				if err := c.exchange(ctx, dial, buf); err != nil {
					cancel(err)
					return
				}
				done.Add(1)
			}
		})
	}
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return Capacity{}, err
	}
	return Capacity{Requests: done.Load(), PerSecond: float64(done.Load()) / time.Since(began).Seconds()}, nil
}

// Latency makes connections at a rate. Latency includes the handshake.
func (c Connect) Latency(ctx context.Context, rate float64, d time.Duration) (Latency, error) {
	dial, err := c.dialer(ctx)
	if err != nil {
		return Latency{}, err
	}
	shape, err := load.Constant(rate)
	if err != nil {
		return Latency{}, err
	}
	report, err := load.Run(ctx, load.Options{URL: "http://" + c.Address + c.Path, Shape: shape, Duration: d, Dial: dial,
		Header: map[string][]string{"Connection": {"close"}, "Host": {"bench.test"}}})
	if err != nil {
		return Latency{}, err
	}
	counts, l := report.Counts, report.Latency
	if counts.Answered == 0 {
		return Latency{}, fmt.Errorf("no request was answered: %v", report.Errors)
	}
	return Latency{Rate: rate, Sent: counts.Scheduled, Failed: counts.Failed + counts.Dropped,
		P50: l.P50, P99: l.P99, P999: l.P999, Lag: report.Lag.P99}, nil
}
