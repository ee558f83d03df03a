//go:build linux

package generator

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom/test/bench/origin"
)

// Tunnel receives WebSocket frames that an [origin.ServeTunnel] sends, after an upgrade or by plain TCP, and returns how long
// that took. Its client looks at the first frame alone and has the kernel drop the others, without a copy.
func Tunnel(address string, webSocket bool, frames int) (time.Duration, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	began := time.Now()
	reader := bufio.NewReaderSize(conn, 4<<10)
	if webSocket {
		err = upgrade(conn, reader, frames)
	} else {
		_, err = fmt.Fprintf(conn, "SEND %d\n", frames)
	}
	if err != nil {
		return 0, err
	}
	header, err := reader.Peek(len(origin.FrameHeader()))
	if err != nil {
		return 0, err
	}
	if !bytes.Equal(header, origin.FrameHeader()) {
		return 0, fmt.Errorf("the first frame begins with % x: expected % x", header, origin.FrameHeader())
	}
	left := frames*(origin.Frame+len(header)) - reader.Buffered()
	if err := drop(conn.(*net.TCPConn), left); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

func upgrade(conn net.Conn, reader *bufio.Reader, frames int) error {
	// The key is the example of RFC 6455 section 1.3.
	if _, err := fmt.Fprintf(conn, "GET /%d HTTP/1.1\r\nHost: bench.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", frames); err != nil {
		return err
	}
	status, err := reader.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(status, "HTTP/1.1 101") {
		return fmt.Errorf("the answer to the upgrade is %q", strings.TrimSpace(status))
	}
	for {
		line, err := reader.ReadString('\n')
		if err != nil || strings.TrimSpace(line) == "" {
			return err
		}
	}
}

// drop receives a number of bytes and drops them: MSG_TRUNC of tcp(7).
func drop(conn *net.TCPConn, left int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	buf := make([]byte, 1<<20) // its size is what counts, nothing is written to it
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for left > 0 {
			n, _, err := unix.Recvfrom(int(fd), buf[:min(left, len(buf))], unix.MSG_TRUNC|unix.MSG_DONTWAIT)
			if err == unix.EAGAIN {
				return false
			}
			if err == nil && n == 0 {
				err = fmt.Errorf("the connection ended %d bytes before the last", left)
			}
			if err != nil {
				failed = err
				return true
			}
			left -= n
		}
		return true
	})
	return errors.Join(err, failed)
}
