package proxy

import (
	"errors"
	"io"

	"headroom.dev/headroom/balancing/h1"
)

// appendWholeBody reads a small body into out, behind the head.
func (x *exchange) appendWholeBody() error {
	for {
		data, err := x.client.nextBody()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		x.out = append(x.out, data...)
		x.bytesIn += int64(len(data))
		x.service.traffic.bytesIn.Add(uint64(len(data)))
	}
}

// bodyFailed ends an exchange whose request body did not come as announced.
func (x *exchange) bodyFailed(err error) outcome {
	var refused *h1.Error
	switch {
	case errors.As(err, &refused):
		x.keep = false
		x.why = refused.Reason
		x.answer(refused.Status, refused.Reason)
		return rejected
	case isTimeout(err):
		x.keep = false
		x.why = "the request body did not come in time"
		x.answer(408, x.why)
		return clientAborted
	}
	x.why = "the client closed the connection in its request"
	x.client.abort()
	return clientAborted
}
