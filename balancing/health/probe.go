// Package health finds out which backends can take requests: by asking them (Probe, Checker) and by how requests to them
// end (Breaker).
package health

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"headroom.dev/headroom"
)

// bodyKept is how much of the answer to a failed check is kept, bytes: enough for a message, small enough to keep one
// per backend.
const bodyKept = 256

// answerRead is the most that is read of an answer, bytes: as large a head as the balancer takes. A backend that sends header lines without
// end would otherwise fill the memory within the check's timeout.
const answerRead = 64 << 10

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

// Probe checks an address (host:port) once, within check.Timeout. It returns nil when a GET of check.Path is answered with
// a status from 200 to 399, or, where the check is disabled, when a connection is accepted. Redirects are not followed: a
// server that redirects its health path to a login page is up. Each check takes a connection of its own, since a
// process that can answer on an old one but accept no new ones is not well. The error is a *StatusError for a wrong
// status, and otherwise says what was attempted.
func Probe(ctx context.Context, address string, check headroom.HealthCheck) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(check.Timeout))
	defer cancel()
	if !check.Enabled {
		conn, err := dial(ctx, address)
		if err != nil {
			return fmt.Errorf("connect to %s: %w", address, explain(ctx, check, err))
		}
		return conn.Close()
	}
	target := "http://" + address + check.Path
	status, body, err := get(ctx, address, target)
	if err != nil {
		return fmt.Errorf("GET %s: %w", target, explain(ctx, check, err))
	}
	if !isHealthy(status) {
		return &StatusError{URL: target, Status: status, Body: body}
	}
	return nil
}

// isHealthy holds for the statuses 200 to 399.
func isHealthy(status int) bool { return status >= 200 && status <= 399 }

// get asks once and reads the status and, where that is not healthy, the first bytes of the body. It is written on net.Conn and not http.Client
// since that starts two goroutines for each connection, and keeps state between calls.
func get(ctx context.Context, address, target string) (status int, body string, err error) {
	location, err := url.Parse(target)
	if err != nil {
		return 0, "", err
	}
	request := &http.Request{Method: http.MethodGet, URL: location, Host: address, Close: true,
		Header: http.Header{"User-Agent": {"headroom-health-check"}}}
	conn, err := dial(ctx, address)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := request.Write(conn); err != nil {
		return 0, "", err
	}
	response, err := readFinal(bufio.NewReader(io.LimitReader(conn, answerRead)), request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	if isHealthy(response.StatusCode) {
		return response.StatusCode, "", nil // whatever the body is, and however long it takes
	}
	// The status has come, and decides: a body that breaks off tells less, not otherwise.
	start, _ := io.ReadAll(io.LimitReader(response.Body, bodyKept))
	return response.StatusCode, printable(start), nil
}

// readFinal reads the answer, past any 1xx before it. Of those there may be three: a check is no place to be kept waiting.
func readFinal(r *bufio.Reader, request *http.Request) (*http.Response, error) {
	for range 4 {
		response, err := http.ReadResponse(r, request)
		if err != nil || response.StatusCode >= 200 {
			return response, err
		}
	}
	return nil, fmt.Errorf("no final answer after four informational ones")
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

// explain names the timeout, of which the connection itself only knows that it was closed.
func explain(ctx context.Context, check headroom.HealthCheck, err error) error {
	if ctx.Err() == context.DeadlineExceeded {
		return fmt.Errorf("no answer within the timeout of %v", check.Timeout)
	}
	return cmp.Or(ctx.Err(), err)
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
