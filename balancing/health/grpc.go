package health

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const (
	grpcMethod = "/grpc.health.v1.Health/Check"
	// grpcRead is the most that is read of the answer's message, bytes. It has one field of two bytes.
	grpcRead = 4096
	// grpcPrefix is the length of what stands before each message: a flag that tells whether it is compressed, and its length.
	grpcPrefix = 5
	serving    = 1 // HealthCheckResponse.SERVING
)

// probeGRPC asks grpc.health.v1 (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). The messages have one field each,
// so they are made by hand.
func (t Target) probeGRPC(ctx context.Context) error {
	service := t.grpcService()
	status, err := t.checkGRPC(ctx, service)
	if err != nil {
		return fmt.Errorf("grpc.health.v1 check of %q at %s: %w", service, t.Address, t.explain(ctx, err))
	}
	if status != serving {
		return fmt.Errorf("grpc.health.v1 check of %q at %s answered %s; expected SERVING", service, t.Address, servingStatus(status))
	}
	return nil
}

func servingStatus(status uint64) string {
	names := [...]string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}
	if status < uint64(len(names)) {
		return names[status]
	}
	return fmt.Sprint("status ", status)
}

func (t Target) checkGRPC(ctx context.Context, service string) (status uint64, err error) {
	conn, err := t.connect(ctx, protocolH2)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	head := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/grpc\r\nTE: trailers\r\nUser-Agent: %s\r\n"+
		"Transfer-Encoding: chunked\r\n\r\n", grpcMethod, t.Address, userAgent)
	e, err := beginExchange(conn, t.scheme(), head, checkRequest(service))
	if err != nil {
		return 0, err
	}
	defer e.end()
	return e.servingStatus()
}

// servingStatus reads the answer.
func (e *exchange) servingStatus() (uint64, error) {
	response, err := e.final()
	if err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "application/grpc") {
		return 0, fmt.Errorf("answered status %d of type %q; expected 200 of type application/grpc", response.StatusCode, response.Header.Get("Content-Type"))
	}
	body, err := e.body(grpcRead)
	if err != io.EOF {
		return 0, err
	}
	fields, err := e.trailers()
	if err != nil {
		return 0, err
	}
	if fields.Get("Grpc-Status") == "" {
		fields = response.Header // an answer without a message has all in its head ("Trailers-Only")
	}
	if status := fields.Get("Grpc-Status"); status != "0" {
		return 0, grpcError(status, fields.Get("Grpc-Message"))
	}
	return parseCheckResponse(body)
}

func grpcError(status, message string) error {
	if plain, err := url.PathUnescape(message); err == nil {
		message = plain
	}
	message = printable([]byte(message[:min(len(message), bodyKept)]))
	names := map[string]string{"5": " (NOT_FOUND: the server does not know the service)", "12": " (UNIMPLEMENTED: the server has no grpc.health.v1)"}
	return fmt.Errorf("answered grpc-status %s%s %q; expected 0", cmp.Or(status, "missing"), names[status], message)
}

// checkRequest is a HealthCheckRequest, whose field 1 is the name of the service, with its prefix.
func checkRequest(service string) []byte {
	var message []byte
	if service != "" {
		message = binary.AppendUvarint([]byte{1<<3 | wireBytes}, uint64(len(service)))
		message = append(message, service...)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// The wire types of protocol buffers.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

var errResponse = errors.New("answer is not one HealthCheckResponse")

// parseCheckResponse reads a HealthCheckResponse with its prefix: field 1 is the status, of which the last one holds. Fields that are not
// known are passed over.
func parseCheckResponse(body []byte) (status uint64, err error) {
	if len(body) < grpcPrefix || body[0] != 0 || uint64(binary.BigEndian.Uint32(body[1:])) != uint64(len(body)-grpcPrefix) {
		return 0, errResponse
	}
	for rest := body[grpcPrefix:]; len(rest) > 0; {
		tag, n := binary.Uvarint(rest)
		if n <= 0 {
			return 0, errResponse
		}
		rest = rest[n:]
		value, size, ok := field(tag&7, rest)
		if !ok {
			return 0, errResponse
		}
		if tag == 1<<3|wireVarint {
			status = value
		}
		rest = rest[size:]
	}
	return status, nil
}

// field is the length of a field's value, and the value itself if that is a varint.
func field(wire uint64, b []byte) (value uint64, size int, ok bool) {
	switch wire {
	case wireVarint:
		value, size = binary.Uvarint(b)
		return value, size, size > 0
	case wireFixed64:
		return 0, 8, len(b) >= 8
	case wireFixed32:
		return 0, 4, len(b) >= 4
	case wireBytes:
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return 0, 0, false
		}
		return 0, n + int(length), true
	}
	return 0, 0, false
}
