package main

import (
	"encoding/binary"
	"io"
	"net/http"
	"time"
)

// The shop speaks enough of gRPC to be balanced as a gRPC service: two unary methods, without a library. A message is a byte that says
// whether it is compressed, its length in four bytes, and its fields; how the call went is in trailers
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).

// Values of grpc.health.v1.HealthCheckResponse.ServingStatus.
const (
	serving    = 1
	notServing = 2
)

// grpcHealth answers grpc.health.v1.Health/Check as /health is answered: field 1, a number, is the status.
func (s *service) grpcHealth(w http.ResponseWriter, _ *http.Request) {
	status := byte(serving)
	if s.options.neverHealthy || time.Now().Before(s.readyAt) {
		status = notServing
	}
	reply(w, []byte{1 << 3, status})
}

// grpcIdentify answers shop.Shop/Identify: field 1, a text, is the name of the replica.
func (s *service) grpcIdentify(w http.ResponseWriter, r *http.Request, _ int64) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return // the client has gone
	}
	message := binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(s.options.replica)))
	reply(w, append(message, s.options.replica...))
}

// reply sends a message, and behind it that all went well.
func reply(w http.ResponseWriter, message []byte) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	_, _ = w.Write(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)) // an error means that the client has gone
	w.Header().Set("Grpc-Status", "0")
}
