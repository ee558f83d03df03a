package proxy

import (
	"io"
	"strconv"
	"time"

	"headroom.dev/headroom/balancing/compress"
	"headroom.dev/headroom/balancing/h1"
)

// appendResponse appends the head of the response as the client gets it, but for what the client's protocol adds, and decides whether the
// body is compressed.
func (x *exchange) appendResponse(dst []byte, body h1.Framing) []byte {
	var except h1.Set
	if x.old {
		except = h1.SetOf(h1.Trailer)
	}
	if x.view.reports {
		except |= h1.SetOf(h1.LoadMetrics, h1.LoadMetricsBin)
	}
	edits := x.route.Response
	switch {
	case x.door.compress != nil:
		dst = x.appendCompressed(dst, except)
	case edits.Empty():
		dst = x.res.AppendHead(dst, except)
	default:
		dst = x.res.AppendEdited(dst, except, edits)
	}
	dst = edits.Append(dst)
	dst = x.appendSession(dst)
	dst = x.appendLimits(dst)
	if x.userCookie != "" {
		dst = x.appendUser(dst)
	}
	if !x.res.Has(h1.Date) && !edits.Known().Has(h1.Date) { // RFC 9110 section 6.6.1: a backend without a clock
		dst = append(dst, *x.conn.server.date.Load()...)
	}
	if x.door.settings.ServerTiming {
		dst = x.appendTiming(dst)
	}
	if x.coding == compress.Identity && (body.Kind != h1.ChunkedBody || x.res.Length() >= 0 && !x.client.inOrder()) {
		dst = x.res.AppendFraming(dst)
	}
	return dst
}

// appendCompressed appends the head of a response that may be compressed, and decides whether it is.
func (x *exchange) appendCompressed(dst []byte, except h1.Set) []byte {
	res := &x.res
	x.scratch = res.AppendList(x.scratch[:0], h1.CacheControl)
	coding, varies := x.door.compress.Choose(x.accept, compress.Response{
		Status: res.Status(), ToHead: x.toHead, Length: res.Length(), ContentType: res.Value(h1.ContentType), CacheControl: x.scratch,
		Encoded: res.Has(h1.ContentEncoding), Range: res.Has(h1.ContentRange),
	})
	x.coding = coding
	edits := x.route.Response
	switch {
	case coding != compress.Identity:
		dst = res.AppendEdited(dst, except, edits, compress.Changed{})
	case varies:
		dst = res.AppendEdited(dst, except, edits, compress.Varying{})
	default:
		return res.AppendEdited(dst, except, edits)
	}
	x.scratch = res.AppendList(x.scratch[:0], h1.Vary)
	etag := res.Value(h1.ETag)
	if edits.Known().Has(h1.ETag) {
		etag = nil
	}
	return compress.AppendFields(dst, coding, x.scratch, etag)
}

// appendTiming appends Server-Timing (W3C) with milliseconds: of the backend, and of us before it was asked.
func (x *exchange) appendTiming(dst []byte) []byte {
	dst = append(dst, "Server-Timing: backend;dur="...)
	dst = appendMilliseconds(dst, x.firstByte)
	dst = append(dst, ", balancer;dur="...)
	dst = appendMilliseconds(dst, x.attemptAt.Sub(x.began))
	return append(dst, "\r\n"...)
}

func appendMilliseconds(dst []byte, d time.Duration) []byte {
	return strconv.AppendFloat(dst, float64(d)/float64(time.Millisecond), 'f', 3, 64)
}

// compressResponse sends head and body, compressed. What the backend has sent so far is flushed through whenever it pauses, so that streams of
// events arrive as they happen.
func (x *exchange) compressResponse(u call) error {
	encoder := x.door.compress.Encoder(x.coding)
	done := false
	defer func() {
		if !done {
			encoder.Discard()
		}
	}()
	if x.client.begin(h1.Framing{Kind: h1.ChunkedBody}) != nil {
		return errClientGone
	}
	pending := false // something is in the encoder that the client could have
	for {
		data, err := u.pollBody()
		if err == h1.ErrIncomplete {
			if pending {
				x.scratch = encoder.Flush(x.scratch[:0])
				pending = false
				if x.writeSome(x.scratch) != nil {
					return errClientGone
				}
			}
			if x.client.flush() != nil {
				return errClientGone
			}
			data, err = x.nextPart(u)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		x.sent(len(data))
		pending = true
		x.scratch = encoder.Write(x.scratch[:0], data)
		if x.writeSome(x.scratch) != nil {
			return errClientGone
		}
	}
	done = true
	x.scratch = encoder.Close(x.scratch[:0])
	if x.writeSome(x.scratch) != nil {
		return errClientGone
	}
	x.scratch = x.takeReport(u.appendTrailers(x.scratch[:0]))
	if x.client.end(x.scratch) != nil {
		return errClientGone
	}
	return nil
}

// writeSome writes what there is, which may be nothing: an empty chunk would end the body.
func (x *exchange) writeSome(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	return x.client.write(data)
}
