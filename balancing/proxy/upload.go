package proxy

import (
	"io"
	"sync/atomic"
	"time"
)

// uploadGrace is how long a response may come before the goroutine that sent the request's last byte says so. Only a response that
// comes earlier than the end of the request costs it.
const uploadGrace = 5 * time.Millisecond

// upload sends a request body that is too large to be held whole, in a goroutine of its own, while the response is awaited.
// While it runs it owns the request's body and the writing side of the call.
type upload struct {
	call     call
	done     chan struct{}
	stopping atomic.Bool           // it was given up
	finished atomic.Bool           // the whole body was sent
	failed   atomic.Pointer[error] // why the client's body could not be read
	gathered []byte                // parts to be sent as one
}

// startUpload sends rest, and then what is left of the body.
func (x *exchange) startUpload(u call, rest []byte) {
	x.expect, x.taken = false, true
	up := &upload{call: u, done: make(chan struct{})}
	x.upload = up
	go func() {
		defer close(up.done)
		x.runUpload(up, rest)
	}()
}

// brokenUpload is one that has ended early because the backend takes no more. It may have answered: its response says more than that error.
func brokenUpload(u call) *upload {
	up := &upload{call: u, done: make(chan struct{})}
	close(up.done)
	return up
}

func (x *exchange) runUpload(up *upload, rest []byte) {
	if len(rest) > 0 && up.call.writeBody(rest) != nil {
		return
	}
	for {
		data, err := x.client.nextBody()
		if err == io.EOF {
			break
		}
		if err != nil {
			if !up.stopping.Load() {
				up.failed.Store(&err)
				up.call.cancel() // wakes whoever awaits the response
			}
			return
		}
		data = up.gather(x.client, data)
		if err := x.admitBody(len(data)); err != nil {
			up.failed.Store(&err)
			up.call.cancel()
			return
		}
		x.received(len(data))
		if up.call.writeBody(data) != nil {
			return // the backend may have answered early; its response says more than this error
		}
	}
	if up.call.endBody(x.client.appendTrailers(up.gathered[:0])) != nil {
		return
	}
	up.finished.Store(true)
}

// gather joins data with the parts behind it that have come already: a client that sends its body in chunks of one byte would otherwise
// cost a system call for each.
func (up *upload) gather(c client, data []byte) []byte {
	if len(data) >= maxReply/2 {
		return data
	}
	up.gathered = append(up.gathered[:0], data...)
	for len(up.gathered) < maxReply {
		more, err := c.pollBody()
		if err != nil {
			break // it comes again from the next call
		}
		up.gathered = append(up.gathered, more...)
	}
	return up.gathered
}

// uploadError is why the request's body could not be read from the client, if an upload has found that out.
func (x *exchange) uploadError() error {
	if x.upload == nil {
		return nil
	}
	if err := x.upload.failed.Load(); err != nil {
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
func (x *exchange) uploaded() bool {
	if x.expect {
		return false // never begun
	}
	if x.upload == nil {
		return true
	}
	if x.upload.running() {
		timer := time.NewTimer(uploadGrace)
		defer timer.Stop()
		select {
		case <-x.upload.done:
		case <-timer.C:
		}
	}
	return x.upload.finished.Load()
}

// haltUpload ends an upload, whose call was canceled, and waits for it.
func (x *exchange) haltUpload() {
	up := x.upload
	if up == nil || !up.running() {
		return
	}
	up.stopping.Store(true)
	x.client.cancelBody()
	<-up.done
}

// stopUpload forgets an upload that has ended. It returns why the client's body could not be read, if that was the reason it ended.
func (x *exchange) stopUpload() error {
	err := x.uploadError()
	x.upload = nil
	return err
}

// endUpload waits for the upload of an exchange that has been answered.
func (x *exchange) endUpload() {
	if x.upload == nil {
		return
	}
	<-x.upload.done
	x.bodyRead = x.upload.finished.Load()
	x.upload = nil
}
