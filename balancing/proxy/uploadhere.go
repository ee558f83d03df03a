package proxy

import (
	"io"
	"os"
	"time"

	"headroom.dev/headroom/balancing/h1"
)

const (
	// uploadAlone is the largest body that is sent by the exchange's own goroutine, if it can be without much of a wait.
	uploadAlone = 256 << 10
	// uploadPatience is how long that goroutine waits for the client's next bytes, or for the backend to take some, before another one goes on with
	// the upload: who waits for neither can see a response that comes early.
	uploadPatience = 5 * time.Millisecond
	// uploadHere is how long it goes on in all, for a body that flows without such a wait but slowly.
	uploadHere = 50 * time.Millisecond
)

// sendBody sends a body that is too large to be held whole: here as long as it flows, which costs no change of goroutines, and from
// where it stops in a goroutine of its own, while the response is awaited.
func (x *exchange) sendBody(u call) error {
	c, plainClient := x.client.(*h1Client)
	b, plainBackend := u.(*backendConn)
	if !plainClient || !plainBackend || b.secure || x.framing.Kind != h1.LengthBody || x.framing.Length > uploadAlone {
		x.startUpload(u, nil)
		return nil
	}
	x.taken = true
	c.enlarge()
	b.tcp.SetWriteTimeout(uploadPatience)
	rest, err := x.sendWhileFlowing(c, b)
	b.tcp.SetWriteTimeout(pieceTime)
	switch {
	case err == io.EOF:
		x.bodyRead = true
		return nil
	case isTimeout(err):
		x.startUpload(u, rest)
		return nil
	}
	return err
}

// sendWhileFlowing sends the body until its end, which is io.EOF, or until either side would have to be waited for, which is
// os.ErrDeadlineExceeded; then rest is what was read and not sent. Without an error the backend takes no more, and its answer is to be awaited.
func (x *exchange) sendWhileFlowing(c *h1Client, b *backendConn) (rest []byte, err error) {
	for began := time.Now(); time.Since(began) < uploadHere; {
		data, err := c.nextBodyWithin(uploadPatience)
		if err != nil {
			return nil, err
		}
		if err := x.admitBody(len(data)); err != nil {
			return nil, err
		}
		x.received(len(data))
		sent, err := b.conn.Write(data)
		if isTimeout(err) {
			return data[sent:], err
		}
		if err != nil {
			x.upload = brokenUpload(b)
			return nil, nil
		}
	}
	return nil, os.ErrDeadlineExceeded
}

// received counts a part of the request's body that is sent to the backend tried last.
func (x *exchange) received(n int) {
	x.service.traffic.bytesIn.Add(uint64(n))
	x.lastTried().traffic.bytesIn.Add(uint64(n))
}
