package h1

import (
	"errors"
	"strconv"
)

// ErrIncomplete says that the bytes given so far are fine but end before the head does. Parse again with more of them.
var ErrIncomplete = errors.New("h1: head is incomplete")

// Error is a message that was refused. Status is what a server answers a client with (400, 414, 417, 431, 501 or 505); on a
// response from a backend it has no meaning and the proxy answers 502. After an Error the connection cannot be read further.
type Error struct {
	Status int
	Reason string
}

// Error gives the status and the reason in one line.
func (e *Error) Error() string { return "h1: " + strconv.Itoa(e.Status) + ": " + e.Reason }

func refuse(status int, reason string) *Error { return &Error{Status: status, Reason: reason} }

// ErrNotHTTP refuses a first line that does not even claim to be HTTP. Whoever sent it would not understand an answer.
var ErrNotHTTP = refuse(400, "first line is not one of HTTP")

// Each refusal is made once, so that refusing a flood of bad requests allocates nothing.
var (
	errBareLF       = refuse(400, "line ends with LF alone, expected CR LF")
	errControl      = refuse(400, "control character or bare CR in a header value")
	errFieldName    = refuse(400, "header name is empty, has a space before the colon, or is not a token")
	errNoColon      = refuse(400, "header line without a colon")
	errObsFold      = refuse(400, "header line begins with a space (obsolete folding)")
	errConnection   = refuse(400, "Connection is not a short list of tokens")
	errTrailerField = refuse(400, "Trailer announces a field that cannot be one")

	errHeadTooLarge  = refuse(431, "head is larger than the limit")
	errTooManyFields = refuse(431, "more header fields than the limit")
	errTargetTooLong = refuse(414, "request line is longer than the limit")

	errRequestLine    = refuse(400, "request line is not: method SP target SP version")
	errMethod         = refuse(400, "method is not a token")
	errMethodRefused  = refuse(501, "method is not supported here")
	errTarget         = refuse(400, "request target is not a valid path, absolute URI or asterisk")
	errVersion        = refuse(400, "HTTP version is malformed")
	errVersionRefused = refuse(505, "HTTP version is neither 1.0 nor 1.1")

	errHostMissing  = refuse(400, "Host is missing")
	errHostTwice    = refuse(400, "more than one Host")
	errHost         = refuse(400, "Host is not a name or address with an optional port")
	errHostMismatch = refuse(400, "Host differs from the host of the request target")

	errLength           = refuse(400, "Content-Length is not a decimal number below 2^63 without leading zeros")
	errLengthTwice      = refuse(400, "more than one Content-Length")
	errLengthAndCoding  = refuse(400, "Content-Length together with Transfer-Encoding")
	errCodingTwice      = refuse(400, "more than one Transfer-Encoding")
	errCodingOnOld      = refuse(400, "Transfer-Encoding on HTTP/1.0")
	errCoding           = refuse(501, "Transfer-Encoding has other codings than chunked")
	errCodingList       = refuse(400, "Transfer-Encoding is not a list of codings with chunked only at its end")
	errExpectation      = refuse(417, "Expect is not exactly 100-continue")
	errChunkSize        = refuse(400, "chunk size is not 1 to 16 hexadecimal digits below 2^63")
	errChunkExtension   = refuse(400, "chunk extension is too long or is not: ; name [= value]")
	errChunkEnd         = refuse(400, "chunk data does not end with CR LF")
	errChunkOverhead    = refuse(400, "chunked body has far more framing than data")
	errTrailersTooLarge = refuse(431, "trailers are larger than the limit")

	errStatusLine = refuse(502, "status line is not: version SP three digits [SP reason]")
)
