package h1

import "io"

// Body reads the body that follows a head. It decodes in place: Next hands out parts of the Reader's buffer. Before the Reader is used
// for the next head, Next must have returned io.EOF.
type Body struct {
	r       *Reader
	framing Framing
	left    int64
	chunks  chunked
	pending int // bytes of the last part, used up by the next call
	err     error
}

// Reset prepares for a body of this framing, which begins at what r has buffered. The head's bytes are overwritten by reading it.
func (b *Body) Reset(r *Reader, framing Framing) {
	b.r, b.framing, b.left, b.pending, b.err = r, framing, framing.Length, 0, nil
	switch framing.Kind {
	case ChunkedBody:
		b.chunks.reset()
	case NoBody:
		b.err = io.EOF
	}
}

// Next returns the next bytes of the body, at least one, reading from the source only if nothing is buffered. They are valid until the
// next call. After the last it returns io.EOF; io.ErrUnexpectedEOF if the source ends too early; *Error for bad chunks. Other errors are the
// source's; after one that passes, such as a deadline, Next goes on where it stopped.
func (b *Body) Next() ([]byte, error) {
	for {
		data, err := b.Poll()
		if err != ErrIncomplete {
			return data, err
		}
		err = b.r.Fill()
		if err == io.EOF && b.framing.Kind == UntilClose {
			b.err = io.EOF
		} else if err == io.EOF {
			return nil, io.ErrUnexpectedEOF
		} else if err != nil {
			return nil, err
		}
	}
}

// Poll is Next without reading from the source: it returns ErrIncomplete where Next would have to.
func (b *Body) Poll() ([]byte, error) {
	if b.pending > 0 {
		b.r.Discard(b.pending)
		b.pending = 0
	}
	if b.err != nil {
		return nil, b.err
	}
	buffered := b.r.Buffered()
	if b.framing.Kind == ChunkedBody {
		data, n, err := b.chunks.next(buffered)
		if err == nil {
			b.pending = n
			return data, nil
		}
		b.r.Discard(n)
		if err != ErrIncomplete {
			b.err = err
		}
		return nil, err
	}
	if b.framing.Kind == LengthBody && b.left == 0 {
		return nil, io.EOF
	}
	if len(buffered) == 0 {
		return nil, ErrIncomplete
	}
	data := buffered
	if b.framing.Kind == LengthBody {
		if int64(len(data)) > b.left {
			data = data[:b.left]
		}
		b.left -= int64(len(data))
	}
	b.pending = len(data)
	return data, nil
}

// Left is how many bytes of a body of known length are still to come from the source, beyond those buffered; 0 for all other bodies. It holds
// after Poll has returned ErrIncomplete.
func (b *Body) Left() int64 {
	if b.framing.Kind != LengthBody || b.err != nil {
		return 0
	}
	return b.left
}

// Skip takes note that n bytes of the body, at most Left, were taken from the source by other means.
func (b *Body) Skip(n int64) { b.left -= n }

// AppendTrailers appends the trailer fields of a chunked body that Next has read to its end, without those that RFC 9110 section 6.5.1
// forbids there: the lines between the last chunk's "0\r\n" and the blank line.
func (b *Body) AppendTrailers(dst []byte) []byte {
	if b.framing.Kind == ChunkedBody && b.err == io.EOF {
		dst = b.chunks.trailers.appendEndToEnd(dst, notInTrailers)
	}
	return dst
}
