package h2

import (
	"time"
)

// Stream is one exchange: a request and its response.
//
// One goroutine may read and another write at the same time; Reset, Gone and SetCancel may be called from any. After the handler has
// returned, or after Close, it must not be used: it is another exchange by then.
type Stream struct{}

// Head is the request as an HTTP/1.1 head, on a server; valid until the stream ends. The body is announced as HTTP/1.1 would: by
// content-length if that came, else as "transfer-encoding: chunked", and by nothing if the request ended with its head.
func (s *Stream) Head() []byte { return nil }

// Scheme is the request's scheme, on a server; valid until the stream ends.
func (s *Stream) Scheme() []byte { return nil }

// ReadHead waits for the next response head, on a client, as an HTTP/1.1 head with the framing announced likewise. Interim responses
// (1xx) come one after the other before the final one. Heads are valid until the stream ends.
func (s *Stream) ReadHead() ([]byte, error) { return nil, ErrClosed }

// Poll returns the part of the body that is there. h1.ErrIncomplete says that there is none yet, io.EOF that the body has ended, as it
// should. The part is valid until the next Poll or Next, which also gives its bytes back to the peer's flow-control window.
func (s *Stream) Poll() ([]byte, error) { return nil, ErrClosed }

// Next is Poll that waits.
func (s *Stream) Next() ([]byte, error) { return nil, ErrClosed }

// Trailers are the trailer fields as "name: value\r\n" lines, once Poll or Next has returned io.EOF; empty if there were none. Fields
// that RFC 9110 section 6.5.1 forbids there are left out.
func (s *Stream) Trailers() []byte { return nil }

// WriteHead sends an HTTP/1.1 head: request line or status line, fields, blank line. Fields of the connection are left out, as is TE
// other than trailers; Host becomes :authority. With end, there is no body. A server may send several interim heads before the final one.
func (s *Stream) WriteHead(head []byte, end bool) error { return ErrClosed }

// Write sends a part of the body, waiting for flow control and for room in the connection's 64 KB; with end, the last one, which may
// be empty. The data is copied.
func (s *Stream) Write(data []byte, end bool) error { return ErrClosed }

// WriteTrailers ends the stream with trailer fields, given as "name: value\r\n" lines without a blank line. No lines: the stream just ends.
func (s *Stream) WriteTrailers(lines []byte) error { return ErrClosed }

// Flush has everything that was written sent soon. It does not wait for it; a connection that fails is told by the next call.
func (s *Stream) Flush() error { return ErrClosed }

// Reset ends the stream at once, both ways, and tells the peer why. After the end of both directions it does nothing.
func (s *Stream) Reset(code ErrorCode) {}

// Gone reports whether the peer has reset the stream or the connection is gone.
func (s *Stream) Gone() bool { return false }

// SetCancel has f called once, from the connection's reading goroutine, when the peer resets the stream or the connection goes; at once
// and from here if that has happened. nil removes it: when SetCancel(nil) or the end of the stream's use has returned, f is not running
// and will not be called. f must be quick, must not call SetCancel, and must not wait for anything that waits for SetCancel.
func (s *Stream) SetCancel(f func()) {}

// SetReadDeadline bounds ReadHead and Next, those that wait now too: they return os.ErrDeadlineExceeded at most 200 ms after t and can
// be called again with a later deadline. Zero means none.
func (s *Stream) SetReadDeadline(t time.Time) {}

// SetWriteDeadline bounds WriteHead, Write and WriteTrailers likewise. A Write that fails may have sent a part of its data.
func (s *Stream) SetWriteDeadline(t time.Time) {}

// Close ends the use of a client's stream and gives its place back. If the exchange is not complete it is reset with CANCEL.
// On a server the return of the handler does this: Close does nothing there.
func (s *Stream) Close() {}
