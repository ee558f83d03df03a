package socket

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// echo serves as Attend wants it: it sends back what it reads, and ends with an error or at "bye".
func echo(c *Conn, buf []byte) (serve func() bool, result *error) {
	result = new(error)
	return func() bool {
		for {
			n, err := c.TryRead(buf)
			switch {
			case err == ErrNothing:
				return false
			case err != nil:
				*result = err
				return true
			}
			if _, *result = c.Write(buf[:n]); *result != nil || string(buf[:n]) == "bye" {
				return true
			}
			if n < len(buf) {
				return false
			}
		}
	}, result
}

func TestAttendServesUntilServeHasEnough(t *testing.T) {
	c, other := pair(t)
	client := make(chan struct{})
	go func() {
		defer close(client)
		for _, text := range []string{"a", "four", "more than the buffer holds", "bye"} {
			mustWrite(t, other, text)
			mustRead(t, other, text)
		}
	}()
	serve, result := echo(c, make([]byte, 4))
	if err := c.Attend(serve); err != nil || *result != nil {
		t.Error(err, *result)
	}
	<-client
	// After it, reading is as before.
	mustWrite(t, other, "x")
	mustRead(t, c, "x")
}

// Bytes that come while serve works, or before its first call, must not wait for others to come.
func TestAttendMissesNothing(t *testing.T) {
	c, other := pair(t)
	const rounds = 20000
	go func() {
		for range rounds {
			mustWrite(t, other, "a")
			mustWrite(t, other, "b")
			mustRead(t, other, "ab")
		}
		other.CloseWrite()
	}()
	c.SetReadDeadline(time.Now().Add(time.Minute))
	serve, result := echo(c, make([]byte, 64))
	if err := c.Attend(serve); err != nil || *result != io.EOF {
		t.Error(err, *result)
	}
}

func TestAttendSeesTheEndOnceItReadsAgain(t *testing.T) {
	c, other := pair(t)
	mustWrite(t, other, "last")
	other.CloseWrite()
	await(t, c, Data)
	serve, result := echo(c, make([]byte, 64))
	c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if err := c.Attend(serve); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Time{})
	if *result == nil {
		if err := c.Attend(serve); err != nil {
			t.Fatal(err)
		}
	}
	if *result != io.EOF {
		t.Error(*result)
	}
	mustRead(t, other, "last")
}

func TestAttendEndsWhereItsWaitDoes(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(c *Conn)
		want error
	}{
		"by a deadline":          {func(c *Conn) { c.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"by closing, far off":    {func(c *Conn) { c.Close() }, net.ErrClosed},
		"by closing underneath":  {func(c *Conn) { c.polled.Load().Close() }, net.ErrClosed},
		"by deadline, then both": {func(c *Conn) { c.SetDeadline(time.Unix(1, 0)); c.Close() }, os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			c, other := pair(t)
			mustWrite(t, other, "x")
			serve, _ := echo(c, make([]byte, 10))
			go func() {
				mustRead(t, other, "x") // it waits, or is about to
				test.end(c)
			}()
			err := c.Attend(serve)
			if !errors.Is(err, test.want) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestCloseInsideAttendDoesNotWaitForIt(t *testing.T) {
	c, other := pair(t)
	err := c.Attend(func() bool {
		c.SetLinger(0)
		c.Close()
		if _, err := c.Write([]byte("late")); err == nil {
			t.Error("could write after Close")
		}
		return true
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(other); err == nil {
		t.Error("the other end was not told by a reset")
	}
}

func TestSmallExchangesAllocateNothing(t *testing.T) {
	client, asked := pair(t)
	ended := make(chan error)
	other, err := New(asked)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		serve, _ := echo(other, make([]byte, 64))
		ended <- other.Attend(serve)
	}()
	request, buf := []byte("ping"), make([]byte, 64)
	exchange := func() {
		if _, n, err := client.Ask(request, buf); n != 4 || err != nil {
			t.Fatal(n, err)
		}
		client.Look()
	}
	if got := testing.AllocsPerRun(1000, exchange); got > 0.1 {
		t.Errorf("%v allocations an exchange, want 0", got)
	}
	mustWrite(t, client, "bye")
	mustRead(t, client, "bye")
	<-ended
}

func BenchmarkAskAndAttend(b *testing.B) {
	client, asked := pair(b)
	other, err := New(asked)
	if err != nil {
		b.Fatal(err)
	}
	serve, _ := echo(other, make([]byte, 64))
	go other.Attend(serve)
	request, buf := []byte("ping"), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := client.Ask(request, buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWriteAndRead is the same through package net.
func BenchmarkWriteAndRead(b *testing.B) {
	client, other := pair(b)
	go io.Copy(struct{ io.Writer }{other}, struct{ io.Reader }{other})
	tcp := client.polled.Load().descriptor.(*net.TCPConn)
	request, buf := []byte("ping"), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tcp.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := tcp.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}
