package proxy

import (
	"errors"
	"io"

	"headroom.dev/headroom/balancing/h1"
)

// errBodyTooLarge refuses a body that is larger than limits.body allows.
var errBodyTooLarge error = &h1.Error{Status: 413, Reason: "request body is larger than limits.body"}

// admitLength refuses a body that is announced to be too large; admitBody, which one that turns out to be.
func (x *exchange) admitLength() error {
	if limit := x.view.maxBody; limit > 0 && x.framing.Length > limit {
		return errBodyTooLarge
	}
	return nil
}

func (x *exchange) admitBody(n int) error {
	x.bodyBytes += int64(n)
	if limit := x.view.maxBody; limit > 0 && x.bodyBytes > limit {
		return errBodyTooLarge
	}
	return nil
}

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
		x.service.traffic.bytesIn.Add(uint64(len(data)))
	}
}

// bodyFailed ends an exchange whose request body did not come as announced.
func (x *exchange) bodyFailed(err error) outcome {
	var refused *h1.Error
	switch {
	case errors.As(err, &refused):
		x.keep = false
		x.answer(refused.Status, refused.Reason)
		return rejected
	case isTimeout(err):
		x.keep = false
		x.answer(408, "the request body did not come in time")
		return clientAborted
	}
	x.client.abort()
	return clientAborted
}
