//go:build linux

package origin

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Frame is the size of the payload of each WebSocket frame, in bytes.
const Frame = 64 << 10

// FrameHeader is what stands before it: final, binary, not masked, a length of 64 bits (RFC 6455 section 5.2).
func FrameHeader() []byte { return binary.BigEndian.AppendUint64([]byte{0x82, 127}, Frame) }

// ServeTunnel sends as many WebSocket frames as a client asks for: after an upgrade, when the path says how many
// ("GET /16384"), or after a first line that does ("SEND 16384"). Frames come from memory by sendfile(2), without a copy.
func ServeTunnel(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	frames, err := frameFile()
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go sendFrames(conn.(*net.TCPConn), frames)
	}
}

// inFile is how many frames the file in memory has.
const inFile = 64

func frameFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("frames", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), "frames")
	frame := append(FrameHeader(), text(Frame)...)
	for range inFile {
		if _, err := file.Write(frame); err != nil {
			return nil, err
		}
	}
	return file, nil
}

func sendFrames(conn *net.TCPConn, frames *os.File) {
	defer conn.Close()
	// Each connection reads from an offset of its own.
	file, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", frames.Fd()))
	if err != nil {
		return
	}
	defer file.Close()
	reader := bufio.NewReader(conn)
	for {
		count, upgrade, err := readAsked(reader)
		if err != nil {
			return
		}
		switch {
		case upgrade:
			_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
				"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n") // to the key of RFC 6455 section 1.3
		case count == 0:
			_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
		if err != nil {
			return
		}
		for count > 0 {
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				return
			}
			part := min(count, inFile)
			if _, err := conn.ReadFrom(&io.LimitedReader{R: file, N: int64(part) * int64(Frame+len(FrameHeader()))}); err != nil {
				return
			}
			count -= part
		}
	}
}

// readAsked reads a line, or the head of a request, that says how many frames are wanted.
func readAsked(reader *bufio.Reader) (count int, upgrade bool, err error) {
	first, err := reader.ReadString('\n')
	if err != nil {
		return 0, false, err
	}
	if n, _ := fmt.Sscanf(first, "SEND %d", &count); n == 1 {
		return count, false, nil
	}
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return 0, false, err
		}
		if strings.TrimSpace(line) == "" {
			break
		}
		upgrade = upgrade || strings.HasPrefix(strings.ToLower(line), "upgrade: websocket")
	}
	if upgrade {
		_, err = fmt.Sscanf(first, "GET /%d", &count)
	}
	return count, upgrade, err
}
