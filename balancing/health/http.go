// Package health finds out which backends can take requests: by asking them (Target, Checker) and by how requests to them
// end (Breaker).
package health

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Protocols as ALPN names them.
const (
	protocolH1 = "http/1.1"
	protocolH2 = "h2"
)

const (
	// bodyKept is how much of the answer to a failed check is kept, bytes: enough for a message, small enough to keep one
	// per backend.
	bodyKept = 256
	// answerRead is the most that is read of an answer, bytes: as large a head as the balancer takes. A backend that sends header
	// lines without end would otherwise fill the memory within the check's timeout.
	answerRead = 64 << 10
	// mostHeads is how many heads an answer may have, the final one and those of 1xx before it: a check is no place to be kept waiting.
	mostHeads = 4
	// userAgent is how checks are told from clients in the logs of backends.
	userAgent = "headroom-health-check"
)

// StatusError is the failure of a check that was answered with a status outside 200 to 399.
type StatusError struct {
	URL    string
	Status int
	Body   string // the first 256 bytes, as valid UTF-8
}

// Error says what was asked, what came back and what was expected.
func (e *StatusError) Error() string {
	body := ""
	if e.Body != "" {
		body = fmt.Sprintf(" %q", e.Body)
	}
	return fmt.Sprintf("GET %s answered %d%s; expected 200 to 399", e.URL, e.Status, body)
}

func (t Target) probeHTTP(ctx context.Context) error {
	target := t.scheme() + "://" + t.Address + t.Check.Path
	status, body, err := t.get(ctx, target)
	if err != nil {
		return fmt.Errorf("GET %s: %w", target, t.explain(ctx, err))
	}
	if !isHealthy(status) {
		return &StatusError{URL: target, Status: status, Body: printable(body)}
	}
	return nil
}

// isHealthy holds for the statuses 200 to 399.
func isHealthy(status int) bool { return status >= 200 && status <= 399 }

// get asks once and reads the status and, where that is not healthy, the first bytes of the body.
func (t Target) get(ctx context.Context, target string) (status int, body []byte, err error) {
	location, err := url.Parse(target)
	if err != nil {
		return 0, nil, err
	}
	protocol, exchange := protocolH1, getHTTP1
	if t.HTTP2 {
		protocol, exchange = protocolH2, getHTTP2
	}
	conn, err := t.connect(ctx, protocol)
	if err != nil {
		return 0, nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	return exchange(conn, location)
}

// getHTTP1 is written on net.Conn and not http.Client since that starts two goroutines for each connection, and keeps state between
// calls.
func getHTTP1(conn net.Conn, location *url.URL) (status int, body []byte, err error) {
	request := &http.Request{Method: http.MethodGet, URL: location, Host: location.Host, Close: true,
		Header: http.Header{"User-Agent": {userAgent}}}
	if err := request.Write(conn); err != nil {
		return 0, nil, err
	}
	response, err := readFinal(bufio.NewReader(io.LimitReader(conn, answerRead)), request)
	if err != nil {
		return 0, nil, err
	}
	// The body is not closed: that would read all of it, and closing the connection, as the caller does, is enough.
	if isHealthy(response.StatusCode) {
		return response.StatusCode, nil, nil // whatever the body is, and however long it takes
	}
	// The status has come, and decides: a body that breaks off tells less, not otherwise.
	start, _ := io.ReadAll(io.LimitReader(response.Body, bodyKept))
	return response.StatusCode, start, nil
}

// readFinal reads the answer, past any 1xx before it.
func readFinal(r *bufio.Reader, request *http.Request) (*http.Response, error) {
	for range mostHeads {
		response, err := http.ReadResponse(r, request)
		if err != nil || response.StatusCode >= 200 {
			return response, err
		}
	}
	return nil, fmt.Errorf("no final answer after four informational ones")
}

// printable makes text of bytes that may be cut within a character or be no text at all.
func printable(b []byte) string {
	for i := 0; i < utf8.UTFMax && len(b) > 0 && i < len(b); i++ {
		if r, size := utf8.DecodeLastRune(b); r != utf8.RuneError || size > 1 {
			break
		}
		b = b[:len(b)-1]
	}
	return strings.TrimSpace(strings.ToValidUTF8(string(b), "\uFFFD"))
}
