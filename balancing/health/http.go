// Package health finds out which backends can take requests, by asking them (Target, Checker).
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

	"headroom.dev/headroom"
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
	// bodyRead is the most of the body that conditions are looked for in, bytes.
	bodyRead = 64 << 10
	// mostHeads is how many heads an answer may have, the final one and those of 1xx before it: a check is no place to be kept waiting.
	mostHeads = 4
	// userAgent is how checks are told from clients in the logs of backends.
	userAgent = "headroom-health-check"
)

// AnswerError is the failure of a check that was answered, but not as a healthy backend would.
type AnswerError struct {
	URL      string
	Status   int
	Expected string
	Body     string // the first 256 bytes, as valid UTF-8
}

// Error says what was asked, what came back and what was expected.
func (e *AnswerError) Error() string {
	body := ""
	if e.Body != "" {
		body = fmt.Sprintf(" %q", e.Body)
	}
	return fmt.Sprintf("GET %s answered %d%s; expected %s", e.URL, e.Status, body, e.Expected)
}

func (t Target) probeHTTP(ctx context.Context) error {
	target := t.scheme() + "://" + t.Address + t.Check.Path
	answer, err := t.get(ctx, target)
	if err != nil {
		return fmt.Errorf("GET %s: %w", target, t.explain(ctx, err))
	}
	if expected := unmet(t.Check, answer); expected != "" {
		return &AnswerError{URL: target, Status: answer.status, Expected: expected, Body: printable(answer.body)}
	}
	return nil
}

// get asks once and reads the head of the answer, and of its body what is kept or looked at.
func (t Target) get(ctx context.Context, target string) (answer, error) {
	location, err := url.Parse(target)
	if err != nil {
		return answer{}, err
	}
	protocol, exchange := protocolH1, getHTTP1
	if t.HTTP2 {
		protocol, exchange = protocolH2, getHTTP2
	}
	conn, err := t.connect(ctx, protocol)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	return exchange(conn, location, t.Check)
}

// getHTTP1 is written on net.Conn and not http.Client since that starts two goroutines for each connection, and keeps state between
// calls.
func getHTTP1(conn net.Conn, location *url.URL, check headroom.HealthCheck) (answer, error) {
	request := &http.Request{Method: http.MethodGet, URL: location, Host: location.Host, Close: true,
		Header: http.Header{"User-Agent": {userAgent}}}
	if err := request.Write(conn); err != nil {
		return answer{}, err
	}
	response, err := readFinal(bufio.NewReader(io.LimitReader(conn, answerRead+bodyRead)), request)
	if err != nil {
		return answer{}, err
	}
	// The body is not closed: that would read all of it, and closing the connection, as the caller does, is enough.
	got := answer{status: response.StatusCode, header: response.Header}
	// The status has come: a body that breaks off tells less, not otherwise.
	got.body, _ = io.ReadAll(io.LimitReader(response.Body, int64(wanted(check, got.status))))
	return got, nil
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
