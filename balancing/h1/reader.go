package h1

import "io"

// Reader reads messages of one connection through one buffer, which it is given and may outgrow up to the head limit.
type Reader struct {
	src        io.Reader
	buf        []byte
	start, end int // buf[start:end] was read and not used
	limits     Limits
}

// MinBuffer is the least a Reader's buffer may be, so that a trailer section fits.
const MinBuffer = maxTrailers + 1024

// Reset gives r a source and a buffer of at least MinBuffer bytes.
func (r *Reader) Reset(src io.Reader, buf []byte, limits Limits) {
	*r = Reader{src: src, buf: buf[:cap(buf)], limits: limits.withDefaults()}
}

// Buffer returns the buffer, which may be another than Reset gave, for its return to a pool.
func (r *Reader) Buffer() []byte { return r.buf }

// Swap replaces the buffer by another one, which must have room for what is buffered, and returns the old one. A parsed head goes on pointing
// into the old one: it is valid for as long as the caller leaves that alone. A part of a body is not.
func (r *Reader) Swap(buf []byte) (old []byte) {
	old = r.buf
	n := copy(buf, r.buf[r.start:r.end])
	r.buf, r.start, r.end = buf[:cap(buf)], 0, n
	return old
}

// Buffered returns what was read and not used. Between messages this is the beginning of the next one.
func (r *Reader) Buffered() []byte { return r.buf[r.start:r.end] }

// Discard uses up n buffered bytes.
func (r *Reader) Discard(n int) {
	r.start += n
	if r.start == r.end {
		r.start, r.end = 0, 0
	}
}

// Fill reads once, at least one byte. It moves what is buffered to the front if there is no room behind it, and doubles the buffer
// if there is none at all.
func (r *Reader) Fill() error {
	if r.end == len(r.buf) {
		if r.start > 0 {
			r.end = copy(r.buf, r.buf[r.start:r.end])
			r.start = 0
		} else {
			bigger := make([]byte, 2*len(r.buf))
			r.end = copy(bigger, r.buf[:r.end])
			r.buf = bigger
		}
	}
	for range 100 { // as bufio: a source that gives neither bytes nor an error is broken
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// ReadRequest reads the next request head. io.EOF means that the client closed between requests, io.ErrUnexpectedEOF that it closed
// within a head; an *Error is a refusal; other errors are the source's. The request is valid until the next Fill.
func (r *Reader) ReadRequest(req *Request) error {
	req.Reset()
	for {
		if r.start < r.end {
			n, err := req.Parse(r.buf[r.start:r.end], r.limits)
			if err == nil {
				r.Discard(n)
				return nil
			}
			if err != ErrIncomplete {
				return err
			}
		}
		if err := r.fillHead(); err != nil {
			return err
		}
	}
}

// ReadResponse reads the next response head, of a response to HEAD or not, as ReadRequest does.
func (r *Reader) ReadResponse(res *Response, toHead bool) error {
	res.Reset(toHead)
	for {
		if r.start < r.end {
			n, err := res.Parse(r.buf[r.start:r.end], r.limits)
			if err == nil {
				r.Discard(n)
				return nil
			}
			if err != ErrIncomplete {
				return err
			}
		}
		if err := r.fillHead(); err != nil {
			return err
		}
	}
}

func (r *Reader) fillHead() error {
	err := r.Fill()
	if err == io.EOF && r.start < r.end {
		return io.ErrUnexpectedEOF
	}
	return err
}
