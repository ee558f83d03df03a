package h2_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"headroom.dev/headroom/balancing/h2"
)

// relay passes every stream on to a client, both ways at once, as the proxy does.
func relay(upstream *h2.Client) func(*h2.Stream) {
	return func(down *h2.Stream) {
		up, err := upstream.Open()
		if err != nil {
			return
		}
		defer up.Close()
		if up.WriteHead(down.Head(), false) != nil {
			return
		}
		down.SetCancel(func() { up.Reset(h2.Cancel) })
		defer down.SetCancel(nil)
		if up.Flush() != nil {
			return
		}
		var sending sync.WaitGroup
		sending.Go(func() { pump(up, down) })
		for {
			head, err := up.ReadHead()
			if err == io.EOF {
				break
			}
			if err != nil || down.WriteHead(head, false) != nil {
				down.Reset(h2.InternalError)
				break
			}
			down.Flush()
		}
		if !pump(down, up) {
			down.Reset(h2.InternalError)
		}
		up.Reset(h2.Cancel)
		down.Flush()
		if !down.Gone() {
			down.Reset(h2.NoError)
		}
		sending.Wait()
	}
}

// pump copies a body with its trailers.
func pump(to, from *h2.Stream) bool {
	for {
		part, err := from.Next()
		if err == io.EOF {
			ok := to.WriteTrailers(from.Trailers()) == nil
			to.Flush()
			return ok
		}
		if err != nil || to.Write(part, false) != nil {
			return false
		}
		to.Flush()
	}
}

// TestGRPCGoesThroughBothSides: grpc-go's client and server with a relay of ours between them, unary and streaming, with errors,
// deadlines, cancels, metadata and many calls at once.
func TestGRPCGoesThroughBothSides(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	checks := health.NewServer()
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		in, _ := metadata.FromIncomingContext(ctx)
		grpc.SetHeader(ctx, metadata.Pairs("got", fmt.Sprint(in["sent"])))
		grpc.SetTrailer(ctx, metadata.Pairs("sum-bin", "\x00\x01"))
		return next(ctx, req)
	}))
	healthpb.RegisterHealthServer(server, checks)
	go server.Serve(listener)
	t.Cleanup(server.Stop)

	upstream := dial(t, listener.Addr().String(), h2.ClientOptions{})
	conn, err := grpc.NewClient(serve(t, false, h2.ServerOptions{}, relay(upstream)), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	client := healthpb.NewHealthClient(conn)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	t.Run("unary", func(t *testing.T) {
		var header, trailer metadata.MD
		_, err := client.Check(metadata.AppendToOutgoingContext(ctx, "sent", "value"), &healthpb.HealthCheckRequest{}, grpc.Header(&header),
			grpc.Trailer(&trailer))
		if err != nil || fmt.Sprint(header["got"]) != "[[value]]" || trailer["sum-bin"][0] != "\x00\x01" {
			t.Errorf("%v, header %v, trailer %v", err, header, trailer)
		}
	})
	t.Run("error without a body", func(t *testing.T) {
		_, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: "none"})
		if status.Code(err) != codes.NotFound {
			t.Errorf("%v, want NotFound", err)
		}
	})
	t.Run("streaming, then canceled", func(t *testing.T) {
		watching, stop := context.WithCancel(ctx)
		watch, err := client.Watch(watching, &healthpb.HealthCheckRequest{Service: "s"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			want := healthpb.HealthCheckResponse_ServingStatus(1 + i%2)
			checks.SetServingStatus("s", want)
			for {
				got, err := watch.Recv()
				if err != nil {
					t.Fatal(err)
				}
				if got.Status == want {
					break
				}
			}
		}
		stop()
		if _, err := watch.Recv(); status.Code(err) != codes.Canceled {
			t.Errorf("after cancel: %v", err)
		}
	})
	t.Run("1000 calls, 100 at once, with messages of up to 40 KB", func(t *testing.T) {
		var running sync.WaitGroup
		for i := range 100 {
			running.Go(func() {
				for j := range 10 {
					name := strings.Repeat("n", (i*10+j)*40)
					_, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: name})
					if want := codes.NotFound; status.Code(err) != want && name != "" {
						t.Errorf("%d: %v", len(name), err)
					}
				}
			})
		}
		running.Wait()
	})
}
