package socket

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

type tester interface {
	Helper()
	Fatal(args ...any)
	Cleanup(func())
}

// pair is a Conn and the other end of it.
func pair(t tester) (*Conn, *net.TCPConn) {
	t.Helper()
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	other, err := net.DialTCP("tcp", nil, ln.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(accepted)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); other.Close() })
	return c, other
}

func mustWrite(t tester, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t tester, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatal("read", string(got), "want", want, err)
	}
}

// await waits until a look at c shows something.
func await(t tester, c *Conn, want Glance) {
	t.Helper()
	poll, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := poll.Read(func(uintptr) bool { return c.Look() == want }); err != nil {
		t.Fatal(err)
	}
}

func TestReadEndsAsThatOfNetDoes(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(c *Conn, other *net.TCPConn)
		want error
	}{
		"the other end closes":        {func(c *Conn, other *net.TCPConn) { other.Close() }, io.EOF},
		"the other end closes halfly": {func(c *Conn, other *net.TCPConn) { other.CloseWrite() }, io.EOF},
		"the other end resets":        {func(c *Conn, other *net.TCPConn) { other.SetLinger(0); other.Close() }, syscall.ECONNRESET},
		"the deadline passes":         {func(c *Conn, other *net.TCPConn) { c.SetReadDeadline(time.Now().Add(time.Millisecond)) }, os.ErrDeadlineExceeded},
		"the deadline has passed":     {func(c *Conn, other *net.TCPConn) { c.SetDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"it is closed":                {func(c *Conn, other *net.TCPConn) { c.Close() }, net.ErrClosed},
	} {
		for _, when := range []string{"before", "meanwhile"} {
			t.Run(name+" "+when, func(t *testing.T) {
				c, other := pair(t)
				if when == "before" {
					test.end(c, other)
				} else {
					go test.end(c, other)
				}
				n, err := c.Read(make([]byte, 10))
				if n != 0 || !errors.Is(err, test.want) {
					t.Errorf("got %d, %v, want %v", n, err, test.want)
				}
			})
		}
	}
}

func TestReadGivesWhatIsThere(t *testing.T) {
	c, other := pair(t)
	mustWrite(t, other, "abc")
	await(t, c, Data)
	buf := make([]byte, 2)
	if n, err := c.Read(buf); n != 2 || err != nil || string(buf) != "ab" {
		t.Fatalf("got %d %q, %v", n, buf, err)
	}
	if n, err := c.Read(nil); n != 0 || err != nil {
		t.Errorf("of no room: got %d, %v", n, err)
	}
	if n, err := c.Read(buf); n != 1 || err != nil || buf[0] != 'c' {
		t.Fatalf("got %d %q, %v", n, buf, err)
	}
}

func TestReadGoesOnAfterADeadlineIsMoved(t *testing.T) {
	c, other := pair(t)
	c.SetReadDeadline(time.Unix(1, 0))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Time{})
	mustWrite(t, other, "x")
	mustRead(t, c, "x")
}

func TestErrorsNameBothEnds(t *testing.T) {
	c, _ := pair(t)
	c.SetReadDeadline(time.Unix(1, 0))
	_, err := c.Read(make([]byte, 1))
	want := "read tcp " + c.LocalAddr().String() + "->" + c.RemoteAddr().String() + ": i/o timeout"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%v is not a timeout", err)
	}
}

// large is more than the buffers of two sockets hold, 4 MB and 6 MB as Linux has them.
const large = 12 << 20

func largeData() []byte {
	data := make([]byte, large)
	for i := range data {
		data[i] = byte(i * i >> 7)
	}
	return data
}

func TestWriteWaitsForRoomAndWritesAll(t *testing.T) {
	c, other := pair(t)
	c.SetWriteTimeout(time.Minute)
	data := largeData()
	sum := make(chan [32]byte)
	go func() {
		got, _ := io.ReadAll(other)
		sum <- sha256.Sum256(got)
	}()
	for range 2 { // the second finds no deadline left over from the first
		if n, err := c.Write(data); n != large || err != nil {
			t.Fatalf("got %d, %v", n, err)
		}
	}
	c.CloseWrite()
	if got := <-sum; got != sha256.Sum256(append(data, data...)) {
		t.Error("what came is not what was sent")
	}
}

func TestWriteBothWritesOneBehindTheOther(t *testing.T) {
	data := largeData()
	for name, sizes := range map[string][2]int{
		"both small":  {3, 4},
		"no head":     {0, 4},
		"no body":     {3, 0},
		"nothing":     {0, 0},
		"large body":  {100, large - 100},
		"large head":  {large - 100, 100},
		"both large":  {large / 2, large / 2},
		"larger body": {1, maxPiece + 1},
	} {
		t.Run(name, func(t *testing.T) {
			c, other := pair(t)
			want := data[:sizes[0]+sizes[1]]
			go func() {
				n, err := c.WriteBoth(want[:sizes[0]], want[sizes[0]:])
				if n != len(want) || err != nil {
					t.Errorf("got %d, %v", n, err)
				}
				c.CloseWrite()
			}()
			got, err := io.ReadAll(other)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d of %d bytes arrived as they were, %v", len(got), len(want), err)
			}
		})
	}
}

func TestWriteEndsAsThatOfNetDoes(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(c *Conn, other *net.TCPConn)
		want error
	}{
		"the other end takes nothing for too long": {func(c *Conn, other *net.TCPConn) { c.SetWriteTimeout(time.Millisecond) }, os.ErrDeadlineExceeded},
		"the deadline has passed":                  {func(c *Conn, other *net.TCPConn) { c.SetWriteDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"it is closed":                             {func(c *Conn, other *net.TCPConn) { c.Close() }, net.ErrClosed},
		"it was closed for writing":                {func(c *Conn, other *net.TCPConn) { c.CloseWrite() }, syscall.EPIPE},
		"the other end resets": {func(c *Conn, other *net.TCPConn) {
			other.SetLinger(0)
			other.Close()
			await(t, c, Closed)
		}, syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			c, other := pair(t)
			test.end(c, other)
			n, err := c.Write(largeData())
			if n == large || !errors.Is(err, test.want) && !(test.want == syscall.ECONNRESET && errors.Is(err, syscall.EPIPE)) {
				t.Errorf("got %d, %v, want %v", n, err, test.want)
			}
		})
	}
}

// A deadline that was set is the last word, as at the end of a connection, however long the other end may otherwise take for each piece.
func TestWriteDeadlineHoldsBesideTheTimeout(t *testing.T) {
	c, other := pair(t)
	c.SetWriteTimeout(time.Hour)
	c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	for range 2 { // and it is still there after a Write that has waited
		if n, err := c.Write(largeData()); n == large || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %d, %v, want the deadline", n, err)
		}
	}
	c.SetDeadline(time.Time{})
	ended := make(chan error)
	go func() {
		_, err := c.Write(largeData())
		ended <- err
	}()
	mustReadByte(t, other) // it goes on
	c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	go io.Copy(io.Discard, io.LimitReader(other, large/2)) // it has to wait again
	if err := <-ended; err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

func TestCloseEndsAWriteThatWaits(t *testing.T) {
	c, other := pair(t)
	ended := make(chan error)
	go func() {
		_, err := c.Write(largeData())
		ended <- err
	}()
	mustReadByte(t, other) // it has begun
	c.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func mustReadByte(t tester, conn net.Conn) {
	t.Helper()
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

func TestLookShowsWithoutTaking(t *testing.T) {
	c, other := pair(t)
	if got := c.Look(); got != Quiet {
		t.Errorf("of an idle connection: %v", got)
	}
	mustWrite(t, other, "x")
	await(t, c, Data)
	c.SetReadDeadline(time.Unix(1, 0))
	if got := c.Look(); got != Data {
		t.Errorf("after the deadline: %v", got)
	}
	c.SetReadDeadline(time.Time{})
	mustRead(t, c, "x")
	other.Close()
	await(t, c, Closed)
	c.Close()
	if got := c.Look(); got != Closed {
		t.Errorf("after closing: %v", got)
	}
}

func TestDiscardedBytesDoNotResetTheConnection(t *testing.T) {
	c, other := pair(t)
	mustWrite(t, other, "request")
	await(t, c, Data)
	c.Discard(4)
	mustRead(t, c, "est")
	mustWrite(t, other, "more")
	await(t, c, Data)
	mustWrite(t, c, "answer")
	c.Discard(100)
	c.Close()
	if got, err := io.ReadAll(other); string(got) != "answer" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
