package health

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/h2"
)

// getHTTP2 asks by HTTP/2: over TLS after ALPN, over plain TCP by prior knowledge.
func getHTTP2(conn net.Conn, location *url.URL, check headroom.HealthCheck) (answer, error) {
	head := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n\r\n", location.RequestURI(), location.Host, userAgent)
	e, err := beginExchange(conn, location.Scheme, head, nil)
	if err != nil {
		return answer{}, err
	}
	defer e.end()
	response, err := e.final()
	if err != nil {
		return answer{}, err
	}
	got := answer{status: response.StatusCode, header: response.Header}
	most := wanted(check, got.status)
	if most > 0 {
		start, _ := e.body(most) // the status has come, as in getHTTP1
		got.body = start[:min(len(start), most)]
	}
	return got, nil
}

// exchange is one request by HTTP/2 on a connection of its own.
type exchange struct {
	client *h2.Client
	stream *h2.Stream
}

// beginExchange sends a request, which ends with its body or, where that is nil, with its head.
func beginExchange(conn net.Conn, scheme string, head, body []byte) (*exchange, error) {
	client, err := h2.NewClient(conn, h2.ClientOptions{Scheme: scheme, PingAfter: -1}) // the check's timeout is the shorter one
	if err != nil {
		return nil, err
	}
	e := &exchange{client: client}
	if e.stream, err = client.Open(); err == nil {
		err = e.send(head, body)
	}
	if err != nil {
		e.end()
		return nil, err
	}
	return e, nil
}

// send sends the request. A server that does not need the body may answer without it and then ask for no more of it (RFC 9113 section 8.1),
// so what breaks behind the head is for whoever reads the answer to tell: behind the answer, if one has come.
func (e *exchange) send(head, body []byte) error {
	if err := e.stream.WriteHead(head, body == nil); err != nil {
		return err
	}
	if body != nil && e.stream.Write(body, true) != nil {
		return nil
	}
	_ = e.stream.Flush()
	return nil
}

// end closes the connection and waits for its goroutines.
func (e *exchange) end() {
	if e.stream != nil {
		e.stream.Close()
	}
	e.client.Close()
	<-e.client.Done()
}

// final reads the head of the answer, past any 1xx before it.
func (e *exchange) final() (*http.Response, error) {
	for range mostHeads {
		head, err := e.stream.ReadHead()
		if err != nil {
			return nil, err
		}
		response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), nil)
		if err != nil || response.StatusCode >= 200 {
			return response, err
		}
	}
	return nil, errors.New("no final answer after four informational ones")
}

// body reads until the answer ends, which is io.EOF, or has more than most bytes.
func (e *exchange) body(most int) ([]byte, error) {
	var body []byte
	for len(body) <= most {
		part, err := e.stream.Next()
		if err != nil {
			return body, err
		}
		body = append(body, part[:min(len(part), most+1)]...)
	}
	return body, fmt.Errorf("answer of more than %d bytes", most)
}

// trailers are the fields after the body, once it has ended.
func (e *exchange) trailers() (http.Header, error) {
	lines := io.MultiReader(bytes.NewReader(e.stream.Trailers()), strings.NewReader("\r\n"))
	fields, err := textproto.NewReader(bufio.NewReader(lines)).ReadMIMEHeader()
	return http.Header(fields), err
}
