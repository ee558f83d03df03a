package proxy

import (
	"bytes"
	"strconv"

	"headroom.dev/headroom/balancing/h1"
)

// isGRPC reports whether the request is a gRPC call, which has been admitted.
func (x *exchange) isGRPC() bool {
	return x.route != nil && !x.client.inOrder() && bytes.HasPrefix(x.req.Value(h1.ContentType), []byte("application/grpc"))
}

// answerGRPC answers a gRPC call as its protocol has it: a response of trailers alone, whose HTTP status is 200. A client would have to guess from
// any other.
func (x *exchange) answerGRPC(status int, detail string) {
	dst := h1.AppendStatusLine(x.reply[:0], 200)
	dst = h1.AppendField(dst, "Content-Type", "application/grpc")
	dst = append(dst, "grpc-status: "...)
	dst = strconv.AppendInt(dst, grpcStatus(status), 10)
	dst = append(dst, "\r\ngrpc-message: "...)
	dst = appendGRPCMessage(dst, detail)
	dst = append(dst, "\r\nX-Request-Id: "...)
	dst = append(dst, x.requestID...)
	x.reply = x.appendLimits(append(dst, "\r\n"...))
	x.sendAnswer(nil)
}

// grpcStatus is what clients make of an HTTP status, by gRPC's own table (doc/http-grpc-status-mapping.md), and where that is coarse the code
// that says more (doc/statuscodes.md).
func grpcStatus(status int) int64 {
	switch status {
	case 400:
		return 13 // INTERNAL
	case 404:
		return 12 // UNIMPLEMENTED
	case 408, 504:
		return 4 // DEADLINE_EXCEEDED
	case 413, 431:
		return 8 // RESOURCE_EXHAUSTED
	case 421:
		return 7 // PERMISSION_DENIED
	case 429, 502, 503:
		return 14 // UNAVAILABLE: the client may try again
	}
	return 2 // UNKNOWN
}

// appendGRPCMessage escapes all but printable ASCII, and the percent sign (doc/PROTOCOL-HTTP2.md, Status-Message).
func appendGRPCMessage(dst []byte, text string) []byte {
	for _, b := range []byte(text) {
		if b < 0x20 || b > 0x7e || b == '%' {
			dst = append(dst, '%', "0123456789ABCDEF"[b>>4], "0123456789ABCDEF"[b&15])
			continue
		}
		dst = append(dst, b)
	}
	return dst
}
