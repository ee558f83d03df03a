package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/h2"
)

// mostMessage is the largest message of these tests, more than any window at first.
const mostMessage = 8 << 20

// grpcServer serves methods of all kinds by name. canceled is told when the context of a call to Wait has ended.
func grpcServer(t *testing.T, secure bool, canceled chan<- error) string {
	t.Helper()
	ln, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(2 * mostMessage), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		return serveMethod(s, canceled)
	})}
	if secure {
		certificate := selfSigned(t)
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
	}
	server := grpc.NewServer(options...)
	go server.Serve(ln)
	t.Cleanup(server.Stop)
	return ln.Addr().String()
}

func serveMethod(s grpc.ServerStream, canceled chan<- error) error {
	method, _ := grpc.MethodFromServerStream(s)
	in, _ := metadata.FromIncomingContext(s.Context())
	s.SetHeader(metadata.Pairs("got", strings.Join(in["sent"], ",")))
	s.SetTrailer(metadata.Pairs("end-bin", "\x00\xff"))
	total := 0
	for {
		m := &wrapperspb.BytesValue{}
		err := s.RecvMsg(m)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		total += len(m.Value)
		switch method {
		case "/t/Fail":
			return status.Error(codes.NotFound, "there is no \"ä\"\n")
		case "/t/Wait":
			<-s.Context().Done()
			canceled <- s.Context().Err()
			return s.Context().Err()
		case "/t/Unary":
			return s.SendMsg(m)
		case "/t/Many":
			for range len(m.Value) {
				s.SendMsg(m)
			}
			return nil
		case "/t/Both":
			if err := s.SendMsg(m); err != nil {
				return err
			}
		}
	}
	if method == "/t/Sum" {
		return s.SendMsg(wrapperspb.Bytes([]byte(fmt.Sprint(total))))
	}
	return nil
}

// grpcWorld is a balancer between gRPC's own client and server.
func grpcWorld(t *testing.T, secure bool, canceled chan<- error) (*world, *grpc.ClientConn) {
	t.Helper()
	side := wire{http2: true, tls: secure}
	w := before(t, side, side, []string{grpcServer(t, secure, canceled), grpcServer(t, secure, canceled)})
	creds := insecure.NewCredentials()
	if secure {
		creds = credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})
	}
	conn, err := grpc.NewClient(w.server.Addr(anyPort).String(), grpc.WithTransportCredentials(creds), grpc.WithAuthority("shop"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(2*mostMessage)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return w, conn
}

var bothWays = &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}

func TestGRPC(t *testing.T) {
	for _, secure := range []bool{false, true} {
		canceled := make(chan error, 1)
		w, conn := grpcWorld(t, secure, canceled)
		ctx, cancel := context.WithTimeout(context.Background(), 3*patiently)
		defer cancel()
		name := func(s string) string { return fmt.Sprintf("TLS %v, %s", secure, s) }
		open := func(t *testing.T, ctx context.Context, method string) grpc.ClientStream {
			t.Helper()
			s, err := conn.NewStream(ctx, bothWays, method)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		t.Run(name("unary calls of all sizes with metadata"), func(t *testing.T) {
			for _, size := range []int{0, 1, 10_000, mostMessage} {
				var header, trailer metadata.MD
				out := &wrapperspb.BytesValue{}
				err := conn.Invoke(metadata.AppendToOutgoingContext(ctx, "sent", "value"), "/t/Unary", wrapperspb.Bytes(make([]byte, size)), out,
					grpc.Header(&header), grpc.Trailer(&trailer))
				if err != nil || len(out.Value) != size || header["got"][0] != "value" || trailer["end-bin"][0] != "\x00\xff" {
					t.Fatalf("size %d: %v, %d bytes, %v, %v", size, err, len(out.Value), header, trailer)
				}
			}
		})
		t.Run(name("client streaming"), func(t *testing.T) {
			s := open(t, ctx, "/t/Sum")
			for range 100 {
				s.SendMsg(wrapperspb.Bytes(make([]byte, 1000)))
			}
			s.CloseSend()
			out := &wrapperspb.BytesValue{}
			if err := s.RecvMsg(out); err != nil || string(out.Value) != "100000" {
				t.Errorf("%v, %s", err, out.Value)
			}
		})
		t.Run(name("server streaming"), func(t *testing.T) {
			s := open(t, ctx, "/t/Many")
			s.SendMsg(wrapperspb.Bytes(make([]byte, 300)))
			s.CloseSend()
			for n := 0; ; n++ {
				err := s.RecvMsg(&wrapperspb.BytesValue{})
				if err == io.EOF && n == 300 {
					break
				}
				if err != nil {
					t.Fatalf("after %d: %v", n, err)
				}
			}
		})
		t.Run(name("both ways, in lock step"), func(t *testing.T) {
			s := open(t, ctx, "/t/Both")
			for i := range 200 {
				s.SendMsg(wrapperspb.Bytes([]byte(fmt.Sprint(i))))
				out := &wrapperspb.BytesValue{}
				if err := s.RecvMsg(out); err != nil || string(out.Value) != fmt.Sprint(i) {
					t.Fatalf("%d: %v, %s", i, err, out.Value)
				}
			}
			s.CloseSend()
			if err := s.RecvMsg(&wrapperspb.BytesValue{}); err != io.EOF {
				t.Error(err)
			}
		})
		t.Run(name("an error without a body"), func(t *testing.T) {
			err := conn.Invoke(ctx, "/t/Fail", wrapperspb.Bytes(nil), &wrapperspb.BytesValue{})
			if s, _ := status.FromError(err); s.Code() != codes.NotFound || s.Message() != "there is no \"ä\"\n" {
				t.Error(err)
			}
		})
		t.Run(name("a deadline"), func(t *testing.T) {
			short, stop := context.WithTimeout(ctx, 200*time.Millisecond)
			defer stop()
			if err := conn.Invoke(short, "/t/Wait", wrapperspb.Bytes(nil), &wrapperspb.BytesValue{}); status.Code(err) != codes.DeadlineExceeded {
				t.Error(err)
			}
			<-canceled
		})
		t.Run(name("a cancellation"), func(t *testing.T) {
			stopping, stop := context.WithCancel(ctx)
			s := open(t, stopping, "/t/Wait")
			s.SendMsg(wrapperspb.Bytes(nil))
			stop()
			if err := s.RecvMsg(&wrapperspb.BytesValue{}); status.Code(err) != codes.Canceled {
				t.Error(err)
			}
			// The backend may not have seen the call at all.
			settled(t, w.server)
		})
		t.Run(name("200 calls at once"), func(t *testing.T) {
			var wg sync.WaitGroup
			for i := range 200 {
				wg.Go(func() {
					out := &wrapperspb.BytesValue{}
					if err := conn.Invoke(ctx, "/t/Unary", wrapperspb.Bytes(make([]byte, 100*i)), out); err != nil || len(out.Value) != 100*i {
						t.Errorf("%d: %v, %d bytes", i, err, len(out.Value))
					}
				})
			}
			wg.Wait()
		})
		settled(t, w.server)
	}
}

// Streams that live long do not notice that the table changes 20 times a second, nor that their backend drains.
func TestGRPCStreamsLiveThroughChangesOfTheTable(t *testing.T) {
	w, conn := grpcWorld(t, false, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 3*patiently)
	defer cancel()
	stop, changed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(changed)
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
			r := w.route
			r.Backends = append([]headroom.Backend(nil), r.Backends...)
			r.Backends[n%2].State = headroom.BackendDraining
			r.Backends[(n+1)%2].Weight = 1 + n%5
			if err := w.server.Apply(headroom.RoutingTable{Version: uint64(n), Services: []headroom.ServiceRoute{r}}); err != nil {
				t.Error(err)
			}
		}
	}()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			s, err := conn.NewStream(ctx, bothWays, "/t/Both")
			if err != nil {
				t.Error(err)
				return
			}
			ticker := time.NewTicker(10 * time.Millisecond)
			defer ticker.Stop()
			for i := range 200 {
				<-ticker.C
				s.SendMsg(wrapperspb.Bytes([]byte{byte(i)}))
				out := &wrapperspb.BytesValue{}
				if err := s.RecvMsg(out); err != nil || out.Value[0] != byte(i) {
					t.Errorf("message %d: %v", i, err)
					return
				}
			}
			s.CloseSend()
			if err := s.RecvMsg(&wrapperspb.BytesValue{}); err != io.EOF {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(stop)
	<-changed
	settled(t, w.server)
}

// A server of gRPC resets a call whose deadline has passed with CANCEL, perhaps before its client does. The client must see that, and not an answer
// that has it try again; and it is no failure of the backend.
func TestGRPCCallThatTheBackendCancelsIsCanceledForTheClient(t *testing.T) {
	address := script(t, func(_ int, conn net.Conn, _ *bufio.Reader) {
		h2.NewServer(conn, h2.ServerOptions{}).Serve(func(s *h2.Stream) {
			if bytes.Contains(s.Head(), []byte("/begun")) {
				s.WriteHead([]byte("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n\r\n"), false)
				s.Write([]byte("part"), false)
				s.Flush()
			}
			s.Reset(h2.Cancel)
		})
	})
	wire := wire{http2: true}
	w := before(t, wire, wire, []string{address})
	for _, path := range []string{"/", "/begun"} {
		for _, kind := range []string{"application/grpc+proto", "text/plain"} {
			r := w.ask("POST", path, "x")
			r.Header.Set("Content-Type", kind)
			res, err := w.client.Do(r)
			if err == nil {
				_, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			asGRPC := kind != "text/plain"
			if asGRPC != (err != nil && strings.Contains(err.Error(), "CANCEL")) {
				t.Errorf("%s %s: %v", path, kind, err)
			}
		}
	}
	settled(t, w.server)
	if o := w.server.Measure(time.Now()).Services[0].Backends[0].Traffic.Outcomes; o.ClientAborted != 2 || o.Reset != 2 {
		t.Errorf("counted %+v, want the two calls of gRPC as ended by their client", o)
	}
}
