package health

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	grpchealth "google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"

	"headroom.dev/headroom"
)

// serveGRPC starts a real gRPC server.
func serveGRPC(t *testing.T, register func(*grpc.Server), options ...grpc.ServerOption) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(options...)
	register(server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(listener)
	}()
	t.Cleanup(func() { server.Stop(); <-done })
	return listener.Addr().String()
}

func grpcTarget(address, path string) Target {
	target := Target{Address: address, Check: testCheck()}
	target.Check.Type, target.Check.Path = headroom.HealthCheckGRPC, path
	return target
}

func TestGRPCServerTellsHowItIs(t *testing.T) {
	health := grpchealth.NewServer()
	health.SetServingStatus("shop.Cart", grpc_health_v1.HealthCheckResponse_SERVING)
	health.SetServingStatus("shop.Search", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	health.SetServingStatus("shop.New", grpc_health_v1.HealthCheckResponse_UNKNOWN)
	register := func(s *grpc.Server) { grpc_health_v1.RegisterHealthServer(s, health) }

	certified := serve(t, true, http.NotFoundHandler()) // for its certificate
	plain := serveGRPC(t, register)
	secure := serveGRPC(t, register, grpc.Creds(credentials.NewServerTLSFromCert(&certified.TLS.Certificates[0])))
	for _, c := range []struct {
		name    string
		address string
		tls     func(string) *tls.Config
	}{{"h2c", plain, nil}, {"TLS", secure, trusting(certified)}} {
		t.Run(c.name, func(t *testing.T) {
			for path, want := range map[string]string{
				"/": "", "/health": "", "/shop.Cart": "",
				"/shop.Search": `grpc.health.v1 check of "shop.Search" at ` + c.address + ` answered NOT_SERVING; expected SERVING`,
				"/shop.New":    "answered UNKNOWN; expected SERVING",
				"/shop.None":   `answered grpc-status 5 (NOT_FOUND: the server does not know the service) "unknown service"; expected 0`,
			} {
				target := grpcTarget(c.address, path)
				target.TLS = c.tls
				wantError(t, path, target.Probe(t.Context()), want)
			}
		})
	}
	health.Shutdown()
	wantError(t, "while it shuts down", grpcTarget(plain, "/").Probe(t.Context()), "answered NOT_SERVING")
	wantError(t, "TLS where none is expected", grpcTarget(secure, "/").Probe(t.Context()), "grpc.health.v1 check of")
}

func TestServerWithoutTheHealthServiceIsNotWell(t *testing.T) {
	address := serveGRPC(t, func(*grpc.Server) {})
	wantError(t, "no health service", grpcTarget(address, "/").Probe(t.Context()),
		"grpc-status 12 (UNIMPLEMENTED: the server has no grpc.health.v1)")
	web := serve(t, false, http.NotFoundHandler())
	wantError(t, "no gRPC", grpcTarget(web.Listener.Addr().String(), "/").Probe(t.Context()),
		`answered status 404 of type "text/plain; charset=utf-8"; expected 200`)
	old := listen(t, func(c net.Conn) { c.Read(make([]byte, 1)); io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
	wantError(t, "no HTTP/2", grpcTarget(old, "/").Probe(t.Context()), "grpc.health.v1 check of")
}

func TestStrangeGRPCAnswersAreFailures(t *testing.T) {
	for name, c := range map[string]struct {
		body, status string
		want         string
	}{
		"well":             {"\x00\x00\x00\x00\x02\x08\x01", "0", ""},
		"no trailers":      {"\x00\x00\x00\x00\x02\x08\x01", "", "answered grpc-status missing"},
		"no message":       {"", "0", "answer is not one HealthCheckResponse"},
		"compressed":       {"\x01\x00\x00\x00\x02\x08\x01", "0", "answer is not one HealthCheckResponse"},
		"wrong length":     {"\x00\x00\x00\x00\x03\x08\x01", "0", "answer is not one HealthCheckResponse"},
		"empty message":    {"\x00\x00\x00\x00\x00", "0", "answered UNKNOWN"},
		"unknown status":   {"\x00\x00\x00\x00\x02\x08\x09", "0", "answered status 9"},
		"far too long":     {strings.Repeat("\x00", 1<<20), "0", "answer of more than 4096 bytes"},
		"message of error": {"", "13", `answered grpc-status 13 "a b"; expected 0`},
	} {
		server := serve(t, false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/grpc+proto")
			w.(http.Flusher).Flush()
			io.WriteString(w, c.body)
			if c.status != "" {
				w.Header().Set(http.TrailerPrefix+"Grpc-Status", c.status)
				w.Header().Set(http.TrailerPrefix+"Grpc-Message", "a%20b")
			}
		}))
		wantError(t, name, grpcTarget(server.Listener.Addr().String(), "/").Probe(t.Context()), c.want)
	}
}

// A server that does not need the message answers before it has come, and resets the stream behind its answer, as RFC 9113 section 8.1 has
// it. This message is larger than the server lets come, so the answer is always there first.
func TestAnswerBeforeTheMessageHasBeenSentCounts(t *testing.T) {
	server := serve(t, false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		io.WriteString(w, "\x00\x00\x00\x00\x02\x08\x01")
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}))
	const window = 1 << 20 // of net/http, for the body of each request
	wantError(t, "early", grpcTarget(server.Listener.Addr().String(), "/"+strings.Repeat("x", 2*window)).Probe(t.Context()), "")
}

func TestMessagesAreThoseOfProtocolBuffers(t *testing.T) {
	for _, service := range []string{"", "shop.Cart", strings.Repeat("x", 300)} {
		message, err := proto.Marshal(&grpc_health_v1.HealthCheckRequest{Service: service})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(checkRequest(service)[grpcPrefix:]); got != string(message) {
			t.Errorf("request for %.20q is %q, want %q", service, got, message)
		}
	}
}

func FuzzResponseIsReadAsProtocolBuffersReadIt(f *testing.F) {
	for _, seed := range []string{
		"", "\x08\x01", "\x08\x02\x08\x01", "\x10\x05\x08\x01", "\x1a\x02ab\x08\x01", "\x21\x01\x02\x03\x04\x05\x06\x07\x08", "\x25\x01\x02\x03\x04",
		"\x0b",
		"\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		body := append([]byte{0, 0, byte(len(message) >> 16), byte(len(message) >> 8), byte(len(message))}, message...)
		if len(message) >= 1<<24 {
			return
		}
		status, err := parseCheckResponse(body)
		if err != nil {
			return
		}
		var want grpc_health_v1.HealthCheckResponse
		if proto.Unmarshal(message, &want) == nil && int32(want.Status) != int32(status) {
			t.Errorf("%q is status %d, want %d", message, status, want.Status)
		}
	})
}
