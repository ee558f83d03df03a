package h2_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/h2"
)

// TestH2specPassesWhole runs the conformance suite of summerwind/h2spec (generic, hpack and http2), over plain TCP and TLS, also strict.
func TestH2specPassesWhole(t *testing.T) {
	tool := findTool(t, "h2spec")
	for _, secure := range []bool{false, true} {
		for _, strict := range []bool{false, true} {
			name := map[bool]string{false: "plain", true: "tls"}[secure] + map[bool]string{false: "", true: " strict"}[strict]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				_, port, _ := net.SplitHostPort(serve(t, secure, h2.ServerOptions{}, echo))
				args := []string{"-h", "127.0.0.1", "-p", port, "-o", "3"}
				if secure {
					args = append(args, "-t", "-k")
				}
				if strict {
					args = append(args, "-S")
				}
				out, err := exec.Command(tool, args...).CombinedOutput()
				if err != nil || !bytes.Contains(out, []byte(", 0 failed")) {
					t.Fatalf("h2spec: %v\n%s", err, out)
				}
				t.Logf("%s", out[bytes.LastIndex(out, []byte("Finished")):])
			})
		}
	}
}

// findTool looks on PATH, in $TEST_TOOLS and in bin/tools of the module.
func findTool(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{os.Getenv("TEST_TOOLS"), "../../bin/tools"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); dir != "" && err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	t.Skipf("%s is not on PATH, in $TEST_TOOLS or in bin/tools: skipped", name)
	return ""
}

// serve accepts connections for the length of the test and gives each to a Server.
func serve(t testing.TB, secure bool, options h2.ServerOptions, handle func(*h2.Stream)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = listener.Addr().String()
	if secure {
		listener = tls.NewListener(listener, serverTLS(t))
	}
	var running sync.WaitGroup
	var mu sync.Mutex
	servers := map[*h2.Server]bool{}
	running.Go(func() {
		for {
			netConn, err := listener.Accept()
			if err != nil {
				return
			}
			server := h2.NewServer(netConn, options)
			mu.Lock()
			servers[server] = true
			mu.Unlock()
			running.Go(func() {
				server.Serve(handle)
				mu.Lock()
				delete(servers, server)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for server := range servers {
			server.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return address
}

func serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2"}}
}

// echo parses the request as the proxy does, and answers with its body and trailers; a request without body gets 16 bytes.
func echo(s *h2.Stream) {
	var request h1.Request
	request.Reset()
	if _, err := request.Parse(s.Head(), h1.Limits{}); err != nil {
		status := 400
		if refusal := new(h1.Error); errors.As(err, &refusal) {
			status = refusal.Status
		}
		s.WriteHead([]byte("HTTP/1.1 "+strconv.Itoa(status)+" \r\ncontent-length: 0\r\n\r\n"), true)
		return
	}
	head := request.Method() == h1.MethodHead
	if head || request.Framing().Kind == h1.NoBody {
		s.WriteHead([]byte("HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n"), head)
		if !head {
			s.Write([]byte("0123456789abcdef"), true)
		}
		return
	}
	s.WriteHead([]byte("HTTP/1.1 200 OK\r\n\r\n"), false)
	for {
		part, err := s.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			s.Reset(h2.Cancel)
			return
		}
		if err := s.Write(part, false); err != nil {
			return
		}
		s.Flush()
	}
	s.WriteTrailers(s.Trailers())
}
