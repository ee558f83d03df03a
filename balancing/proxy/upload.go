package proxy

import (
	"io"
	"sync/atomic"
	"time"

	"headroom.dev/headroom/balancing/h1"
)

// uploadGrace is how long a response may come before the goroutine that sent the request's last byte says so. Only a response that
// comes earlier than the end of the request costs it.
const uploadGrace = 5 * time.Millisecond

// upload sends a request body that is too large to be held whole, in a goroutine of its own, while the response is awaited.
// While it runs it owns the reading side of the client's connection and the writing side of the backend's.
type upload struct {
	upstream *upstream
	backend  *backend
	done     chan struct{}
	finished atomic.Bool           // the whole body was sent
	failed   atomic.Pointer[error] // why the client's body could not be read
	chunk    []byte                // being sent
}

func (c *clientConn) startUpload(u *upstream) {
	c.exchange.expect = false
	up := &upload{upstream: u, backend: c.exchangeBackend(), done: make(chan struct{})}
	c.upload = up
	go func() {
		defer close(up.done)
		c.runUpload(up)
	}()
}

func (c *clientConn) runUpload(up *upload) {
	u := up.upstream
	chunked := c.exchange.framing.Kind == h1.ChunkedBody
	for {
		data, err := c.body.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			if !c.canceled.Load() {
				up.failed.Store(&err)
				u.close() // wakes whoever awaits the response
			}
			return
		}
		size := len(data)
		if chunked {
			data, size = up.joinChunks(&c.body, data)
		}
		c.exchange.service.traffic.bytesIn.Add(uint64(size))
		up.backend.traffic.bytesIn.Add(uint64(size))
		u.write.within(time.Now(), pieceTime)
		if _, err := u.conn.Write(data); err != nil {
			return // the backend may have answered early; its response says more than this error
		}
	}
	if chunked {
		if _, err := u.conn.Write(c.body.AppendTrailers(append(up.chunk[:0], "0\r\n"...))); err != nil {
			return
		}
	}
	up.finished.Store(true)
}

// joinChunks makes one chunk of data and of all the chunks behind it that have arrived already: a client that sends its body in chunks of one byte
// would otherwise cost a system call for each.
func (up *upload) joinChunks(body *h1.Body, data []byte) (chunk []byte, size int) {
	const room = len("ffffff\r\n") // for the size of any chunk that fits in memory we use
	up.chunk = append(up.chunk[:0], make([]byte, room)...)
	for {
		up.chunk = append(up.chunk, data...)
		if len(up.chunk) >= maxReply {
			break
		}
		var err error
		if data, err = body.Poll(); err != nil {
			break // it comes again from the next call
		}
	}
	size = len(up.chunk) - room
	var line [room]byte
	start := h1.AppendChunkStart(line[:0], size)
	copy(up.chunk[room-len(start):], start)
	up.chunk = append(up.chunk, "\r\n"...)
	return up.chunk[room-len(start):], size
}

// uploadError is why the request's body could not be read from the client, if an upload has found that out.
func (c *clientConn) uploadError() error {
	if c.upload == nil {
		return nil
	}
	if err := c.upload.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// running reports whether the body is still being sent.
func (up *upload) running() bool {
	select {
	case <-up.done:
		return false
	default:
		return true
	}
}

// uploaded reports whether the whole request was sent, which it may be an instant before the upload says so.
func (c *clientConn) uploaded() bool {
	if c.exchange.expect {
		return false // never begun
	}
	if c.upload == nil {
		return true
	}
	select {
	case <-c.upload.done:
	default:
		timer := time.NewTimer(uploadGrace)
		defer timer.Stop()
		select {
		case <-c.upload.done:
		case <-timer.C:
		}
	}
	return c.upload.finished.Load()
}

// stopUpload ends an upload and waits for it. It returns why the client's body could not be read, if that was the reason it ended.
func (c *clientConn) stopUpload() error {
	up := c.upload
	if up == nil {
		return nil
	}
	c.canceled.Store(true)
	if up.running() {
		c.conn.SetReadDeadline(time.Unix(1, 0))
		up.upstream.close()
		<-up.done
	}
	err := c.uploadError()
	c.upload = nil
	return err
}
