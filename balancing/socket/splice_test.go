package socket

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func newSplicer(t *testing.T) *Splicer {
	s := &Splicer{}
	t.Cleanup(s.Close)
	return s
}

func TestSplicingMovesAll(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (*Conn, *net.TCPConn){
		"accepted": accepted,
		"dialed":   func(t *testing.T) (*Conn, *net.TCPConn) { return pair(t) },
	} {
		t.Run(name, func(t *testing.T) {
			from, client := open(t)
			to, backend := open(t)
			s := newSplicer(t)
			data := largeData()
			go func() {
				client.Write(data)
				client.CloseWrite()
			}()
			go func() {
				if n, err := s.Copy(to, from, math.MaxInt64); n != large || err != nil {
					t.Errorf("moved %d, %v", n, err)
				}
				to.Close()
			}()
			if got, err := io.ReadAll(backend); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d of %d bytes arrived as they were, %v", len(got), len(data), err)
			}
		})
	}
}

func TestSplicingStopsAtTheLimit(t *testing.T) {
	from, client := accepted(t)
	to, backend := accepted(t)
	mustWrite(t, client, "0123456789")
	if n, err := newSplicer(t).Copy(to, from, 4); n != 4 || err != nil {
		t.Errorf("moved %d, %v", n, err)
	}
	mustRead(t, backend, "0123")
	mustRead(t, from, "456789")
}

func TestSplicingEndsAtTheReadDeadlineWithAllThatCame(t *testing.T) {
	from, client := accepted(t)
	to, backend := accepted(t)
	mustWrite(t, client, "abc")
	from.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := newSplicer(t).Copy(to, from, 10); n != 3 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("moved %d, %v", n, err)
	}
	mustRead(t, backend, "abc")
}

// What a receiver has not taken is not given to the next one.
func TestBytesThatCouldNotBeWrittenReachNobody(t *testing.T) {
	s := newSplicer(t)
	from, client := accepted(t)
	to, _ := accepted(t)
	data := largeData()
	go client.Write(data)
	to.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := s.Copy(to, from, math.MaxInt64); n == 0 || n == large || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("moved %d, %v", n, err)
	}
	other, sender := accepted(t)
	next, receiver := accepted(t)
	mustWrite(t, sender, "mine")
	if n, err := s.Copy(next, other, 4); n != 4 || err != nil {
		t.Errorf("moved %d, %v", n, err)
	}
	mustRead(t, receiver, "mine")
}

func TestSplicingToAConnectionThatIsBrokenFails(t *testing.T) {
	from, client := accepted(t)
	to, _ := accepted(t)
	to.CloseWrite()
	mustWrite(t, client, "x")
	if n, err := newSplicer(t).Copy(to, from, 1); n != 0 || !errors.Is(err, syscall.EPIPE) {
		t.Errorf("moved %d, %v", n, err)
	}
}

func TestConnectionsThatWaitHoldNoPipe(t *testing.T) {
	from, client := accepted(t)
	to, backend := accepted(t)
	s := newSplicer(t)
	ended := make(chan error)
	go func() {
		_, err := s.Copy(to, from, math.MaxInt64)
		ended <- err
	}()
	mustWrite(t, client, "x")
	mustRead(t, backend, "x")
	for kept := 0; kept == 0; {
		s.pipes.mu.Lock()
		kept = len(s.pipes.kept)
		s.pipes.mu.Unlock()
	}
	client.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWithoutDescriptorsForPipesIsCopied(t *testing.T) {
	from, client := accepted(t)
	to, backend := accepted(t)
	outOfDescriptors(t)
	text := strings.Repeat("0123456789abcdef", 1<<12)
	go func() {
		io.WriteString(client, text)
		client.CloseWrite()
	}()
	go func() {
		if n, err := newSplicer(t).Copy(to, from, math.MaxInt64); n != int64(len(text)) || err != nil {
			t.Errorf("moved %d, %v", n, err)
		}
		to.CloseWrite()
	}()
	if got, err := io.ReadAll(backend); err != nil || string(got) != text {
		t.Errorf("%d of %d bytes arrived as they were, %v", len(got), len(text), err)
	}
}

// outOfDescriptors lets the process open no more of them for the rest of the test, or until restore is called.
func outOfDescriptors(t *testing.T) (restore func()) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	none := before
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	restore = func() { syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before) }
	t.Cleanup(restore)
	return restore
}
