// Package accesslog writes a line of JSON for each request. The path of a request never waits for it: where the disk is too slow lines
// are dropped, and counted.
package accesslog

import (
	"net/netip"
	"time"
)

// Entry is all that is logged of one request, or of one TCP connection. It may share the memory of the request's buffers: Record
// keeps nothing of it. What is empty or zero is left out of the line, but for time, service, outcome, the counts of bytes and the duration.
//
// There is no place for other header fields. Authorization and Cookie in particular are never logged.
type Entry struct {
	Time     time.Time      // when the request began to arrive
	Service  string         // empty where no service fits
	Route    string         // path of the route that fits
	Backend  string         // ID of the backend that answered, or was tried last
	Client   netip.AddrPort // as the service sees it: what PROXY headers tell
	Protocol string         // HTTP/1.0, HTTP/1.1, HTTP/2.0 or TCP
	TLS      string         // version of TLS, such as 1.3
	SNI      string         // name that the client asked for in the TLS handshake

	Method    []byte
	Scheme    string
	Host      []byte
	Path      []byte // with the query
	UserAgent []byte
	Referer   []byte
	RequestID []byte // also decides whether the request is in the sample
	TraceID   []byte // of traceparent: 32 hexadecimal digits

	Status   int    // of the answer; 0 where there was none
	Outcome  string // how the request ended, by the JSON names of headroom.Outcomes, such as 2xx or connectError
	Failed   bool   // logged whatever the sample
	Why      string // reason of a failure
	Attempts int    // how many times a backend was tried

	RequestBytes  int64         // of the body
	ResponseBytes int64         // of the body
	Duration      time.Duration // from the first byte of the request to the last of the answer
	FirstByte     time.Duration // until the first byte of the backend's answer, from the begin of the attempt that got it
	Connect       time.Duration // opening the connection to the backend; 0 where one was open
}
