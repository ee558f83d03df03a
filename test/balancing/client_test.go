package balancing

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"
)

// client is one connection that sends bytes and reads responses, whatever it runs over.
type client struct {
	net.Conn
	in *bufio.Reader
}

func newClient(conn net.Conn) *client {
	conn.SetDeadline(time.Now().Add(patiently))
	return &client{Conn: conn, in: bufio.NewReader(conn)}
}

// response is one that was read.
type response struct {
	status int
	head   string // as it came, with the blank line
	header http.Header
	body   string
	closes bool   // the connection is said to close
	broken error  // the body did not come whole
	tail   string // trailers as they came
}

// response reads the next response, interim or final, to a request of a method.
func (c *client) response(method string) (response, error) {
	var head strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		head.WriteString(line)
		if err == io.EOF && head.Len() > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return response{}, err
		}
		if line == "\r\n" {
			break
		}
	}
	parsed, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head.String())), &http.Request{Method: method})
	if err != nil {
		return response{}, fmt.Errorf("%q: %w", head.String(), err)
	}
	r := response{status: parsed.StatusCode, head: head.String(), header: parsed.Header, closes: parsed.Close}
	bodiless := method == "HEAD" || r.status < 200 || r.status == 204 || r.status == 304
	switch {
	case bodiless:
	case len(parsed.TransferEncoding) > 0:
		r.body, r.tail, r.broken = c.chunks()
	case parsed.ContentLength >= 0:
		body := make([]byte, parsed.ContentLength)
		n, err := io.ReadFull(c.in, body)
		r.body, r.broken = string(body[:n]), err
	default:
		body, err := io.ReadAll(c.in)
		r.body, r.broken = string(body), err
	}
	return r, nil
}

// chunks reads a chunked body and its trailers.
func (c *client) chunks() (body, tail string, err error) {
	data, err := io.ReadAll(httputil.NewChunkedReader(c.in))
	if err != nil {
		return string(data), "", err
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return string(data), tail, err
		}
		if line == "\r\n" {
			return string(data), tail, nil
		}
		tail += line
	}
}

// closed waits for the other end to close and reports what came before, if anything.
func (c *client) closed() error {
	rest, err := io.ReadAll(c.in)
	if len(rest) > 0 {
		return fmt.Errorf("%q came instead of the end of the connection", rest)
	}
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return fmt.Errorf("the connection stays open")
	}
	return nil // a reset is an end as well
}
