package proxy

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"headroom.dev/headroom"
)

// A client that gets another answer than its protocol's makes a status of the HTTP one, and loses the reason.
func TestGRPCCallsAreAnsweredInTheirOwnWay(t *testing.T) {
	side := wire{http2: true}
	for name, c := range map[string]struct {
		backends []string
		body     int
		change   func(*headroom.ServiceRoute)
		code     codes.Code
		message  string
	}{
		"no backend": {nil, 1, func(*headroom.ServiceRoute) {}, codes.Unavailable, "no backend of service shop is ready"},
		"refused":    {[]string{refused(t)}, 1, func(*headroom.ServiceRoute) {}, codes.Unavailable, "could not connect to a backend"},
		"too large": {[]string{grpcServer(t, false, nil)}, 5000, func(r *headroom.ServiceRoute) { r.LoadBalancing.Limits.Body = 1000 }, codes.ResourceExhausted,
			"request body is larger than limits.body allows"},
	} {
		t.Run(name, func(t *testing.T) {
			w := before(t, side, side, c.backends, c.change)
			conn, err := grpc.NewClient(w.server.Addr(anyPort).String(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("shop"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			ctx, cancel := context.WithTimeout(context.Background(), patiently)
			defer cancel()
			err = conn.Invoke(ctx, "/t/Unary", wrapperspb.Bytes(make([]byte, c.body)), &wrapperspb.BytesValue{})
			if got := status.Convert(err); got.Code() != c.code || got.Message() != c.message {
				t.Errorf("got %v %q", got.Code(), got.Message())
			}
		})
	}
}

func TestGRPCMessageIsEscaped(t *testing.T) {
	if got := string(appendGRPCMessage(nil, "100 % of µ\n")); got != "100 %25 of %C2%B5%0A" {
		t.Errorf("got %q", got)
	}
}
