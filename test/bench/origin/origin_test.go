//go:build linux

package origin

import (
	"bytes"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// pair is a connection of a loop and the client's end of it.
func pair(t *testing.T) (l *loop, fd int, c *conn, client int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	poll, err := unix.EpollCreate1(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]); unix.Close(poll) })
	l = &loop{poll: poll, conns: map[int]*conn{}, answers: newAnswers(), buf: make([]byte, 1<<10)}
	if err := l.watch(unix.EPOLL_CTL_ADD, fds[0], unix.EPOLLIN); err != nil {
		t.Fatal(err)
	}
	return l, fds[0], &conn{}, fds[1]
}

func TestRequestsAreAnsweredHoweverTheyAreCut(t *testing.T) {
	requests := []byte("GET /1024 HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n12345GET /100 HTTP/1.1\r\n\r\n")
	answers := newAnswers()
	want := bytes.Join([][]byte{answers["/1024"], answers["/100"], answers["/100"]}, nil)
	for size := 1; size <= len(requests); size++ {
		l, fd, c, client := pair(t)
		for rest := requests; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			if !l.received(fd, c, rest[:min(size, len(rest))]) {
				t.Fatalf("in pieces of %d bytes: closed", size)
			}
		}
		got := make([]byte, 1<<16)
		n, err := unix.Read(client, got)
		if err != nil || !bytes.Equal(got[:n], want) {
			t.Fatalf("in pieces of %d bytes: got %d bytes, %v; want %d", size, n, err, len(want))
		}
	}
}

func TestWhatASocketDoesNotTakeIsSentLater(t *testing.T) {
	l, fd, c, client := pair(t)
	if !l.received(fd, c, []byte("GET /262144 HTTP/1.1\r\n\r\nGET /262144 HTTP/1.1\r\n\r\n")) {
		t.Fatal("closed")
	}
	l.conns[fd] = c
	want := 2 * len(newAnswers()["/262144"])
	got, buf := 0, make([]byte, 1<<16)
	for got < want {
		n, err := unix.Read(client, buf)
		if err == unix.EAGAIN {
			l.serve(fd, unix.EPOLLOUT)
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("got %d of %d bytes, then %d, %v", got, want, n, err)
		}
		got += n
	}
	if len(c.out) > 0 {
		t.Errorf("%d bytes are left over", len(c.out))
	}
}

func TestATunnelSendsTheFramesThatAreAskedFor(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	frames, err := frameFile()
	if err != nil {
		t.Fatal(err)
	}
	defer frames.Close()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			sendFrames(conn.(*net.TCPConn), frames)
		}
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("SEND 65\n")); err != nil { // one more than the file has
		t.Fatal(err)
	}
	frame := append(FrameHeader(), text(Frame)...)
	got := make([]byte, len(frame))
	for i := range 65 {
		if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, frame) {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
}
