package h1

import (
	"bytes"
	"io"
)

// chunkState is where a chunked body stands.
type chunkState uint8

const (
	atSize chunkState = iota
	inData
	afterData
	atTrailers
	chunksDone
)

const (
	// maxSizeDigits is 16 in the grammar that others accept; 2^63 fits in 16.
	maxSizeDigits = 16
	// maxSizeLine bounds size and extensions together. Extensions are read and dropped: nobody uses them but attackers.
	maxSizeLine = 512
	// maxOverhead is how far framing may outgrow data, net/http's rule: 16 bytes a chunk are free, and twice the data.
	maxOverhead = 16 << 10
)

// chunked is a decoder over a buffer that is filled from outside. It holds no bytes itself.
type chunked struct {
	state    chunkState
	left     int64 // of the current chunk
	overhead int64
	trailers head
}

func (c *chunked) reset() {
	c.trailers.reset()
	c.trailers.minor = 1
	*c = chunked{trailers: c.trailers}
}

// next returns the next data in buf and how many bytes of buf it stands for (data is the last part of those). Without data,
// it returns ErrIncomplete with n bytes done so far, or io.EOF when the body has ended.
func (c *chunked) next(buf []byte) (data []byte, n int, err error) {
	for {
		switch c.state {
		case atSize:
			used, err := c.size(buf[n:])
			if err != nil {
				return nil, n, err
			}
			n += used
		case inData:
			data = buf[n:]
			if len(data) == 0 {
				return nil, n, ErrIncomplete
			}
			if int64(len(data)) > c.left {
				data = data[:c.left]
			}
			c.left -= int64(len(data))
			if c.left == 0 {
				c.state = afterData
			}
			return data, n + len(data), nil
		case afterData:
			rest := buf[n:]
			if len(rest) > 0 && rest[0] != '\r' || len(rest) > 1 && rest[1] != '\n' {
				return nil, n, errChunkEnd
			}
			if len(rest) < 2 {
				return nil, n, ErrIncomplete
			}
			n += 2
			c.state = atSize
		case atTrailers:
			limits := Limits{Head: maxTrailers, Line: 1, Fields: 1}
			used, err := c.trailers.parseFields(buf[n:], limits, maxTrailerFields)
			if err == errHeadTooLarge || err == errTooManyFields {
				err = errTrailersTooLarge
			}
			if err != nil {
				return nil, n, err
			}
			c.trailers.buf = buf[n : n+used]
			c.state = chunksDone
			return nil, n + used, io.EOF
		case chunksDone:
			return nil, n, io.EOF
		}
	}
}

// size reads: 1*16HEXDIG [";" extension] CR LF.
func (c *chunked) size(buf []byte) (n int, err error) {
	digits := 0
	size := uint64(0)
	for digits < len(buf) && hexValue(buf[digits]) >= 0 {
		if digits == maxSizeDigits {
			return 0, errChunkSize
		}
		size = size<<4 | uint64(hexValue(buf[digits]))
		digits++
	}
	if digits == len(buf) {
		return 0, ErrIncomplete
	}
	if digits == 0 || size > 1<<63-1 || buf[digits] != '\r' && buf[digits] != ';' {
		return 0, errChunkSize
	}
	lf := bytes.IndexByte(buf[digits:], '\n')
	end := digits + lf
	if lf < 0 {
		end = len(buf)
	}
	if end > maxSizeLine {
		return 0, errChunkExtension
	}
	extension := buf[digits:end]
	if lf >= 0 {
		if extension[len(extension)-1] != '\r' {
			return 0, errChunkExtension
		}
		extension = extension[:len(extension)-1]
	} else if extension[len(extension)-1] == '\r' {
		extension = extension[:len(extension)-1]
	}
	for _, b := range extension {
		if b != '\t' && (b < 0x20 || b > 0x7e) {
			return 0, errChunkExtension
		}
	}
	if lf < 0 {
		return 0, ErrIncomplete
	}
	if !validExtensions(extension) {
		return 0, errChunkExtension
	}
	if size == 0 {
		c.state = atTrailers
		return end + 1, nil
	}
	c.overhead = max(0, c.overhead+int64(end+1)-16-2*int64(min(size, 1<<40)))
	if c.overhead > maxOverhead {
		return 0, errChunkOverhead
	}
	c.left = int64(size)
	c.state = inData
	return end + 1, nil
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
