package socket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestAskSendsAndReadsTheAnswer(t *testing.T) {
	c, other := pair(t)
	go func() {
		for range 3 {
			mustRead(t, other, "ping")
			mustWrite(t, other, "pong")
		}
	}()
	for range 3 {
		buf := make([]byte, 10)
		sent, n, err := c.Ask([]byte("ping"), buf)
		if sent != 4 || err != nil || string(buf[:n]) != "pong" {
			t.Fatalf("got %d, %q, %v", sent, buf[:n], err)
		}
	}
}

// An answer to nobody's question would be taken for that to the next one: response queue poisoning.
func TestAskSendsNothingWhereTheOtherEndSpokeOrLeft(t *testing.T) {
	for name, test := range map[string]struct {
		before func(other *net.TCPConn)
		look   Glance
	}{
		"spoke":       {func(other *net.TCPConn) { mustWrite(t, other, "HTTP/1.1 200 OK\r\n\r\n") }, Data},
		"closed":      {func(other *net.TCPConn) { other.CloseWrite() }, Closed},
		"was reset":   {func(other *net.TCPConn) { other.SetLinger(0); other.Close() }, Closed},
		"spoke, left": {func(other *net.TCPConn) { mustWrite(t, other, "x"); other.CloseWrite() }, Data},
	} {
		t.Run(name, func(t *testing.T) {
			c, other := pair(t)
			test.before(other)
			await(t, c, test.look)
			sent, n, err := c.Ask([]byte("ping"), make([]byte, 10))
			if sent != 0 || n != 0 || err != ErrStale {
				t.Fatalf("got %d, %d, %v", sent, n, err)
			}
			c.Close()
			if name == "was reset" {
				return
			}
			if got, _ := io.ReadAll(other); len(got) > 0 {
				t.Errorf("%q was sent", got)
			}
		})
	}
}

func TestAskSaysHowMuchWasSentWhereNoAnswerComes(t *testing.T) {
	for name, test := range map[string]struct {
		during func(c *Conn, other *net.TCPConn)
		want   error
	}{
		"closes":      {func(c *Conn, other *net.TCPConn) { other.Close() }, io.EOF},
		"resets":      {func(c *Conn, other *net.TCPConn) { other.SetLinger(0); other.Close() }, syscall.ECONNRESET},
		"is too slow": {func(c *Conn, other *net.TCPConn) { c.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"is given up": {func(c *Conn, other *net.TCPConn) { c.Close() }, net.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			c, other := pair(t)
			c.SetReadDeadline(time.Now().Add(time.Minute))
			go func() {
				mustRead(t, other, "ping")
				test.during(c, other)
			}()
			sent, n, err := c.Ask([]byte("ping"), make([]byte, 10))
			if sent != 4 || n != 0 || !errors.Is(err, test.want) {
				t.Errorf("got %d, %d, %v, want %v", sent, n, err, test.want)
			}
		})
	}
}

func TestAskSendsNothingAfterTheDeadline(t *testing.T) {
	c, _ := pair(t)
	c.SetReadDeadline(time.Unix(1, 0))
	if sent, n, err := c.Ask([]byte("ping"), make([]byte, 10)); sent != 0 || n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d, %d, %v", sent, n, err)
	}
}

func TestAskSendsARequestThatIsLargerThanTheBuffers(t *testing.T) {
	c, other := pair(t)
	request := largeData()
	same := make(chan bool)
	go func() {
		got := make([]byte, len(request))
		_, err := io.ReadFull(other, got)
		same <- err == nil && bytes.Equal(got, request)
		other.Write([]byte("done"))
	}()
	buf := make([]byte, 10)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		sent, n, err := c.Ask(request, buf)
		if sent != len(request) || err != nil || string(buf[:n]) != "done" {
			t.Errorf("got %d, %q, %v", sent, buf[:n], err)
		}
	}()
	if !<-same {
		t.Error("what came is not what was sent")
	}
	<-answered
}

func TestAskSaysHowMuchOfALargeRequestWasSent(t *testing.T) {
	c, other := pair(t)
	c.SetWriteTimeout(time.Millisecond)
	sent, n, err := c.Ask(largeData(), make([]byte, 10))
	if sent == 0 || sent == large || n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %d, %d, %v", sent, n, err)
	}
	c.Close()
	if got, err := io.ReadAll(other); len(got) != sent || err != nil {
		t.Errorf("%d bytes arrived, %d were said to be sent; %v", len(got), sent, err)
	}
}
