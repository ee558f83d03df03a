//go:build linux

package origin

import (
	"io"
	"net/http"
	"time"
)

// Message is a gRPC message on the wire (flag, length, protobuf). It is also what grpc.health.v1 answers for SERVING.
func Message() []byte { return []byte{0, 0, 0, 0, 2, 0x08, 0x01} }

// ServeGRPC answers every unary call, also those of health checks, with [Message], over HTTP/2 without TLS.
func ServeGRPC(address string) error {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	message := Message()
	server := &http.Server{
		Addr: address, Protocols: protocols, ReadHeaderTimeout: time.Minute,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 1000},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header()["Content-Type"] = []string{"application/grpc"}
			w.Header()[http.TrailerPrefix+"Grpc-Status"] = []string{"0"}
			_, _ = w.Write(message)
			_ = http.NewResponseController(w).Flush() // no Content-Length, as gRPC servers send none
		}),
	}
	return server.ListenAndServe()
}
