package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// answerBody is what the backends answer with: a small page or a JSON object.
var answerBody = strings.Repeat("0123456789abcde\n", 64)

// startSelf starts this program again as a server.
func (b *bench) startSelf(core int, args ...string) (*program, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startProgram(core, self, args...)
}

// serveBackend answers every request with the same answer, with as little work as possible, so that what is measured
// is the proxy: it shares a core with the client.
func serveBackend(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	answer := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(answerBody), answerBody))
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go answerAll(conn, answer)
	}
}

// answerAll reads heads of requests without bodies, to the empty line, and answers each.
func answerAll(conn net.Conn, answer []byte) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(line) > 2 {
			continue
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// serveReverseProxy is the reverse proxy of Go's standard library over backends in turn.
func serveReverseProxy(ctx context.Context, address string, backends []string) error {
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	var next atomic.Uint64
	server := &http.Server{
		Addr: address,
		Handler: &httputil.ReverseProxy{
			Transport: transport,
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(&url.URL{Scheme: "http", Host: backends[next.Add(1)%uint64(len(backends))]})
				r.SetXForwarded()
			},
		},
		ReadHeaderTimeout: 10 * time.Second,
	}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
