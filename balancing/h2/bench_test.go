package h2_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"headroom.dev/headroom/balancing/h2"
)

const grpcHead = "POST /echo.Echo/Unary HTTP/1.1\r\nHost: echo.example:50051\r\ncontent-type: application/grpc\r\nte: trailers\r\n" +
	"user-agent: grpc-go/1.85.0\r\ngrpc-timeout: 1000m\r\n\r\n"

// unary answers as a gRPC server does: head, one message, trailers.
func unary() func(*h2.Stream) {
	head := []byte("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n\r\n")
	trailers := []byte("grpc-status: 0\r\ngrpc-message: \r\n")
	return func(s *h2.Stream) { answerUnary(s, head, trailers) }
}

func answerUnary(s *h2.Stream, head, trailers []byte) {
	for {
		_, err := s.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return
		}
	}
	s.WriteHead(head, false)
	s.Write(message[:], false)
	s.WriteTrailers(trailers)
	s.Flush()
}

// message is a gRPC message of 100 bytes.
var message = [105]byte{4: 100}

// BenchmarkUnary does gRPC-like exchanges, 100 at once over one loopback connection, both sides ours.
func BenchmarkUnary(b *testing.B) {
	for _, streams := range []int{1, 100} {
		b.Run(map[int]string{1: "1stream", 100: "100streams"}[streams], func(b *testing.B) { benchmarkUnary(b, streams) })
	}
}

func benchmarkUnary(b *testing.B, streams int) {
	address := serve(b, false, h2.ServerOptions{}, unary())
	netConn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	client, err := h2.NewClient(netConn, h2.ClientOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { client.Close(); <-client.Done() }()
	head := []byte(grpcHead)
	b.ReportAllocs()
	b.ResetTimer()
	var running sync.WaitGroup
	for i := range streams {
		share := b.N / streams
		if i < b.N%streams {
			share++
		}
		running.Go(func() {
			for range share {
				if err := exchangeUnary(client, head); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
}

func exchangeUnary(client *h2.Client, head []byte) error {
	s, err := client.Open()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.WriteHead(head, false); err != nil {
		return err
	}
	if err := s.Write(message[:], true); err != nil {
		return err
	}
	s.Flush()
	if _, err := s.ReadHead(); err != nil {
		return err
	}
	for {
		_, err := s.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// BenchmarkBody1MB sends bodies of 1 MB over loopback, with as many bytes back.
func BenchmarkBody1MB(b *testing.B) {
	address := serve(b, false, h2.ServerOptions{}, echo)
	netConn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	client, err := h2.NewClient(netConn, h2.ClientOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { client.Close(); <-client.Done() }()
	body := make([]byte, 1<<20)
	b.SetBytes(2 << 20)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		s, err := client.Open()
		if err != nil {
			b.Fatal(err)
		}
		if err := s.WriteHead([]byte("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), false); err != nil {
			b.Fatal(err)
		}
		var sending sync.WaitGroup
		sending.Go(func() { s.Write(body, true); s.Flush() })
		s.ReadHead()
		n := 0
		for {
			part, err := s.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			n += len(part)
		}
		sending.Wait()
		if n != len(body) {
			b.Fatalf("got %d bytes of %d", n, len(body))
		}
		s.Close()
	}
}
