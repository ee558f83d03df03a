package pairing

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxBody     = 30000
	maxPipeline = 5
	// patience bounds one batch of requests: a client that waits longer has been forgotten.
	patience = 60 * time.Second
)

// client sends requests over one connection after another.
type client struct {
	address string
	random  *rand.Rand
	id      int
	sent    int
	report  Report
}

// asked is one request that was sent.
type asked struct {
	method, target, wire, proof string
	at                          time.Time // before its first byte was sent
}

// make makes the next request: no other of the run has its target.
func (c *client) make() asked {
	c.sent++
	a := asked{target: fmt.Sprintf("/%d/%d", c.id, c.sent)}
	a.method = []string{"GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE"}[c.random.IntN(7)]
	var body []byte
	fields := ""
	switch c.random.IntN(4) {
	case 0: // small, with a length
		body = c.content(100)
		fields = fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	case 1: // large, with a length
		body = c.content(maxBody)
		fields = fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	case 2: // in chunks
		body = c.content(maxBody)
		fields = "Transfer-Encoding: chunked\r\n\r\n" + c.chunks(body)
	default:
		fields = "\r\n"
	}
	a.wire = fmt.Sprintf("%s %s HTTP/1.1\r\nHost: a\r\n%s", a.method, a.target, fields)
	a.proof = proofOf(a.method, a.target, body)
	return a
}

func (c *client) content(most int) []byte {
	return bytes.Repeat([]byte{byte('a' + c.random.IntN(26))}, c.random.IntN(most))
}

func (c *client) chunks(body []byte) string {
	var out strings.Builder
	for len(body) > 0 {
		n := min(len(body), 1+c.random.IntN(5000))
		fmt.Fprintf(&out, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	out.WriteString("0\r\n\r\n")
	return out.String()
}

// connection uses one connection until it ends, or the client has had enough of it. Only a broken promise is an error.
func (c *client) connection(ctx context.Context) error {
	conn, err := net.DialTimeout("tcp", c.address, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for batches := 1 + c.random.IntN(30); batches > 0 && ctx.Err() == nil; batches-- {
		conn.SetDeadline(time.Now().Add(patience))
		var batch []asked
		var wire strings.Builder
		for range 1 + c.random.IntN(maxPipeline) {
			batch = append(batch, c.make())
			wire.WriteString(batch[len(batch)-1].wire)
		}
		c.report.Sent += len(batch)
		leaves := c.random.IntN(40)
		if leaves == 0 { // in the middle of a request
			io.WriteString(conn, wire.String()[:c.random.IntN(wire.Len())])
			c.leave(conn)
			return nil
		}
		for i := range batch {
			batch[i].at = time.Now()
		}
		written := make(chan struct{})
		go func() {
			defer close(written)
			io.WriteString(conn, wire.String())
		}()
		goesOn, err := c.read(in, batch, leaves)
		if !goesOn || err != nil {
			c.leave(conn)
			<-written
			return err
		}
		<-written
	}
	return nil
}

// leave closes a connection, or resets it.
func (c *client) leave(conn net.Conn) {
	if c.random.IntN(2) == 0 {
		conn.(*net.TCPConn).SetLinger(0)
	}
	conn.Close()
}

// read reads the responses to a batch and reports whether the connection goes on.
func (c *client) read(in *bufio.Reader, batch []asked, leaves int) (goesOn bool, err error) {
	for _, a := range batch {
		response, err := http.ReadResponse(in, &http.Request{Method: a.method})
		for err == nil && response.StatusCode < 200 {
			if got := response.Header.Get("X-Proof"); got != "" && !a.provenBy(got) {
				c.mismatch(a, response, "an interim response for "+got)
			}
			response, err = http.ReadResponse(in, &http.Request{Method: a.method})
		}
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			return false, fmt.Errorf("%s got no response within %s", a.proof, patience)
		}
		if err != nil {
			return false, nil // broken behind the response before
		}
		if leaves == 1 { // in the middle of a response
			io.CopyN(io.Discard, response.Body, int64(c.random.IntN(2000)))
			return false, nil
		}
		content, broken := io.ReadAll(response.Body)
		if !c.check(a, response, content, broken) || broken != nil || response.Close {
			return false, nil
		}
	}
	return true, nil
}

// check holds a response against its request and reports whether it may be its.
func (c *client) check(a asked, response *http.Response, content []byte, broken error) bool {
	proof := response.Header.Get("X-Proof")
	if proof == "" && response.StatusCode >= 400 && response.Header.Get("Content-Type") == "application/problem+json" {
		c.report.Unanswered++
		return true
	}
	if !a.provenBy(proof) {
		c.mismatch(a, response, fmt.Sprintf("%d for %q", response.StatusCode, proof))
		return false
	}
	if a.method == http.MethodHead || response.StatusCode != http.StatusOK {
		c.report.Proven++
		return true
	}
	size, err := strconv.Atoi(response.Header.Get("X-Size"))
	if err != nil || len(content) > size || broken == nil && len(content) != size || string(content) != contentOf(proof, size)[:len(content)] {
		c.mismatch(a, response, fmt.Sprintf("%d bytes that are not its %d", len(content), size))
		return false
	}
	if broken != nil {
		c.report.Broken++
		return false
	}
	c.report.Proven++
	return true
}

func (a asked) provenBy(proof string) bool {
	return proof == a.proof || proof == earlyProofOf(a.method, a.target)
}

func (c *client) mismatch(a asked, response *http.Response, got string) {
	c.report.mismatches = append(c.report.mismatches, mismatch{a, response.Header.Get("X-Mark"), got})
}
