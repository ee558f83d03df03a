package health

import (
	"context"
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
	serving  = 1 // HealthCheckResponse.SERVING
)

// probeGRPC asks grpc.health.v1 (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
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

// grpcService is the service that a gRPC check asks for: the path without its slash, or the server as a whole, whose name is empty, for
// the paths "/" and "/health", which is the default.
func (t Target) grpcService() string {
	if t.Check.Path == "/health" {
		return ""
	}
	return strings.TrimPrefix(t.Check.Path, "/")
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
	media := response.Header.Get("Content-Type")
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(media, "application/grpc") {
		return 0, fmt.Errorf("answered status %d of type %q; expected 200 of type application/grpc", response.StatusCode, media)
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
	name := ""
	switch status {
	case "":
		status = "missing"
	case "5":
		name = " (NOT_FOUND: the server does not know the service)"
	case "12":
		name = " (UNIMPLEMENTED: the server has no grpc.health.v1)"
	}
	return fmt.Errorf("answered grpc-status %s%s %q; expected 0", status, name, message)
}
