//go:build linux

package generator

import (
	"bytes"
	"fmt"
	"strconv"
)

// answer finds the end of an HTTP/1.1 response of status 200 with little work: it trusts the server.
type answer struct {
	head    []byte // of it, what has come; whole when inBody
	inBody  bool
	last    bool // the connection ends with it
	left    int  // bytes of the body to come; of a chunk, where chunked
	chunked bool
	ending  int // bytes of "\r\n0\r\n\r\n" that have come
}

func (a *answer) reset() { *a = answer{head: a.head[:0]} }

// read takes the bytes that came and says whether it is complete.
func (a *answer) read(data []byte) (done bool, err error) {
	if !a.inBody {
		seen := len(a.head)
		a.head = append(a.head, data...)
		end := bytes.Index(a.head, []byte("\r\n\r\n"))
		if end < 0 {
			return false, nil
		}
		data = data[end+4-seen:]
		if err := a.begin(a.head[:end+2]); err != nil {
			return false, err
		}
	}
	if a.chunked {
		return a.readChunked(data)
	}
	a.left -= len(data)
	if a.left < 0 {
		return false, fmt.Errorf("%d bytes after the answer", -a.left)
	}
	return a.left == 0, nil
}

func (a *answer) begin(head []byte) error {
	a.inBody = true
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) {
		line, _, _ := bytes.Cut(head, []byte("\r\n"))
		return fmt.Errorf("the answer is %q", line)
	}
	sized := false
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
			if err != nil {
				return fmt.Errorf("the answer has the length %q", value)
			}
			a.left, sized = n, true
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			a.chunked, a.ending, sized = true, len("\r\n"), true // the first chunk begins a line, too
		case bytes.EqualFold(name, []byte("connection")):
			a.last = bytes.EqualFold(bytes.TrimSpace(value), []byte("close"))
		}
	}
	if !sized {
		return fmt.Errorf("the answer has no length")
	}
	return nil
}

// readChunked looks for the last chunk. The bodies of the benchmark have no zero after a line's end, so that it need not
// count.
func (a *answer) readChunked(data []byte) (done bool, err error) {
	const end = "\r\n0\r\n\r\n"
	for i, b := range data {
		switch {
		case b == end[a.ending]:
			a.ending++
		case b == '\r':
			a.ending = 1
		default:
			a.ending = 0
		}
		if a.ending == len(end) {
			if i != len(data)-1 {
				return false, fmt.Errorf("%d bytes after the answer", len(data)-1-i)
			}
			return true, nil
		}
	}
	return false, nil
}
