package h2

import (
	"errors"
	"fmt"
)

// ErrorCode is why a stream or connection was ended (RFC 9113 section 7).
type ErrorCode uint32

// The codes of RFC 9113 section 7.
const (
	NoError            ErrorCode = 0x0
	ProtocolError      ErrorCode = 0x1
	InternalError      ErrorCode = 0x2
	FlowControlError   ErrorCode = 0x3
	SettingsTimeout    ErrorCode = 0x4
	StreamClosed       ErrorCode = 0x5
	FrameSizeError     ErrorCode = 0x6
	RefusedStream      ErrorCode = 0x7
	Cancel             ErrorCode = 0x8
	CompressionError   ErrorCode = 0x9
	ConnectError       ErrorCode = 0xa
	EnhanceYourCalm    ErrorCode = 0xb
	InadequateSecurity ErrorCode = 0xc
	HTTP11Required     ErrorCode = 0xd
)

// String is the name of the code as RFC 9113 writes it.
func (c ErrorCode) String() string {
	switch c {
	case NoError:
		return "NO_ERROR"
	case ProtocolError:
		return "PROTOCOL_ERROR"
	case InternalError:
		return "INTERNAL_ERROR"
	case FlowControlError:
		return "FLOW_CONTROL_ERROR"
	case SettingsTimeout:
		return "SETTINGS_TIMEOUT"
	case StreamClosed:
		return "STREAM_CLOSED"
	case FrameSizeError:
		return "FRAME_SIZE_ERROR"
	case RefusedStream:
		return "REFUSED_STREAM"
	case Cancel:
		return "CANCEL"
	case CompressionError:
		return "COMPRESSION_ERROR"
	case ConnectError:
		return "CONNECT_ERROR"
	case EnhanceYourCalm:
		return "ENHANCE_YOUR_CALM"
	case InadequateSecurity:
		return "INADEQUATE_SECURITY"
	case HTTP11Required:
		return "HTTP_1_1_REQUIRED"
	}
	return fmt.Sprintf("code %d", uint32(c))
}

var (
	// ErrBusy says that the connection carries as many streams as the peer allows.
	ErrBusy = errors.New("h2: the connection has no place for another stream")
	// ErrGoingAway says that the connection takes no new streams: it was closed, has failed, or the peer has sent GOAWAY.
	ErrGoingAway = errors.New("h2: the connection takes no new streams")
	// ErrClosed is the reason of streams that ended because the connection was closed on this side or ended in order.
	ErrClosed = errors.New("h2: connection closed")

	errAfterEnd = errors.New("h2: write after the end of the stream was written or before its head")
	errBadHead  = errors.New("h2: head to send is not a start line and field lines, or has a control character")
)

// StreamError is a stream that was reset.
type StreamError struct {
	// Code is the peer's reason, or ours if Local.
	Code ErrorCode
	// Local tells that this side has reset the stream, because what the peer sent on it was malformed or because of Stream.Reset.
	Local bool
	// Reason says what was wrong, if Local.
	Reason string
}

// Error gives who reset the stream and why.
func (e *StreamError) Error() string {
	if !e.Local {
		return "h2: stream reset by the peer: " + e.Code.String()
	}
	if e.Reason == "" {
		return "h2: stream reset: " + e.Code.String()
	}
	return "h2: stream reset: " + e.Code.String() + ": " + e.Reason
}

// Refused reports whether the peer has not acted on the request, so that it is safe to send again: it said REFUSED_STREAM, or GOAWAY
// with a last stream before this one (RFC 9113 section 8.7).
func (e *StreamError) Refused() bool { return !e.Local && e.Code == RefusedStream }

// ConnError is a connection that was ended for breach of protocol, by the peer's GOAWAY or by ours if Local.
type ConnError struct {
	Code   ErrorCode
	Local  bool
	Reason string
}

// Error gives who ended the connection and why.
func (e *ConnError) Error() string {
	if e.Local {
		return "h2: connection ended: " + e.Code.String() + ": " + e.Reason
	}
	return "h2: connection ended by the peer: " + e.Code.String() + ": " + e.Reason
}

func connError(code ErrorCode, reason string) *ConnError {
	return &ConnError{Code: code, Local: true, Reason: reason}
}

func protocolError(reason string) *ConnError { return connError(ProtocolError, reason) }
