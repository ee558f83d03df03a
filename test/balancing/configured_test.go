package balancing

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"headroom.dev/headroom/test/system"
)

// configured is a headroom with a config file of the test's own, in which LISTEN1, LISTEN2 and so on stand for addresses to listen on. a.pem and
// b.pem are certificates for a.test and b.test.
type configured struct {
	*system.System
	process *system.Process
	listens []string // LISTEN1 is the first
}

func configure(t *testing.T, config string) *configured {
	t.Helper()
	s := system.New(t, "")
	c := &configured{System: s}
	var first, last int
	if _, err := fmt.Sscanf(s.Ports, "%d-%d", &first, &last); err != nil {
		t.Fatal(err)
	}
	for i := 1; strings.Contains(config, fmt.Sprintf("LISTEN%d", i)); i++ {
		listen := fmt.Sprintf("127.0.0.1:%d", first+i)
		c.listens = append(c.listens, listen)
		config = strings.ReplaceAll(config, fmt.Sprintf("LISTEN%d", i), listen)
	}
	for _, name := range []string{"a", "b"} {
		writePair(t, s.Dir, name, name+".test")
	}
	s.Configure("api: {listen: API}\nloadBalancing: {healthCheck: {enabled: false}, circuitBreaker: {enabled: false}}\n" + config)
	c.process = s.Run()
	return c
}

// wire is what a client speaks.
type wire struct{ http2, secure bool }

func (w wire) String() string {
	return fmt.Sprintf("HTTP/%s TLS %v", map[bool]string{false: "1.1", true: "2"}[w.http2], w.secure)
}

var wires = []wire{{false, false}, {false, true}, {true, false}, {true, true}}

// client is one of net/http that speaks nothing else, and opens its connections to an address whatever it asks for. It asks for a name
// in its handshakes.
func (w wire) client(t *testing.T, address, name string) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!w.http2)
	protocols.SetHTTP2(w.http2 && w.secure)
	protocols.SetUnencryptedHTTP2(w.http2 && !w.secure)
	transport := &http.Transport{
		Protocols:       protocols,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: name, ClientSessionCache: tls.NewLRUClientSessionCache(8)},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patiently,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// url is that of a path on a host, by this wire.
func (w wire) url(host, path string) string {
	return map[bool]string{false: "http://", true: "https://"}[w.secure] + host + path
}

// got is an answer that was read.
type got struct {
	*http.Response
	body string
}

// do sends a request and reads its answer.
func do(client *http.Client, method, url string, body io.Reader) (got, error) {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return got{}, err
	}
	response, err := client.Do(request)
	if err != nil {
		return got{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return got{response, string(text)}, err
}
