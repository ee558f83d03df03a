package balancing

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// plainOrigin answers with who asked for what.
func plainOrigin(t *testing.T) string {
	o := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s", r.Header.Get("X-Forwarded-Proto"), r.Host, r.Header.Get("X-Forwarded-For"))
	}))
	t.Cleanup(o.Close)
	return o.Listener.Addr().String()
}

// writePair writes a self-signed certificate for a name, which is its own authority, to NAME.pem and NAME.key, and returns it.
func writePair(t *testing.T, dir, file, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for end, block := range map[string]*pem.Block{".key": {Type: "PRIVATE KEY", Bytes: secret}, ".pem": {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(dir, file+end), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leaf, _ := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// writePEM writes a certificate.
func writePEM(t *testing.T, path string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// balanceSecurely starts headroom with a certificate for a.test, and further settings of its TLS.
func balanceSecurely(t *testing.T, origin, further string) *balancer {
	t.Helper()
	s := system.New(t, "")
	b := &balancer{System: s, listens: []string{s.Traffic}}
	writePair(t, s.Dir, "a", "a.test")
	s.Configure(`api: {listen: API}
services:
  shop:
    backends: [{address: '` + origin + `'}]
    loadBalancing:
      listen: TRAFFIC
      healthCheck: {enabled: false}
      timeouts: {header: 1s}
      tls: {certificates: [{certificate: a.pem, key: a.key}]` + further + `}
`)
	b.process = s.Run()
	s.Eventually(patiently, "TLS is served", func() error {
		conn, err := tls.Dial("tcp", s.Traffic, &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"})
		if err != nil {
			// A listener that demands a certificate says so after the handshake.
			return err
		}
		return conn.Close()
	})
	return b
}

// ask sends a request over TLS and returns the answer and the certificate that was shown.
func ask(address string, config *tls.Config) (response, *x509.Certificate, error) {
	conn, err := net.DialTimeout("tcp", address, patiently)
	if err != nil {
		return response{}, nil, err
	}
	defer conn.Close()
	config.InsecureSkipVerify = true
	if config.ServerName == "" {
		config.ServerName = "a.test"
	}
	secure := tls.Client(conn, config)
	c := newClient(secure)
	if err := secure.Handshake(); err != nil {
		return response{}, nil, err
	}
	if _, err := io.WriteString(secure, "GET / HTTP/1.1\r\nHost: "+config.ServerName+"\r\n\r\n"); err != nil {
		return response{}, nil, err
	}
	r, err := c.response("GET")
	return r, secure.ConnectionState().PeerCertificates[0], err
}

func TestChangedCertificateIsTaken(t *testing.T) {
	b := balanceSecurely(t, plainOrigin(t), "")
	r, first, err := ask(b.listens[0], &tls.Config{})
	if err != nil || r.body != "https a.test 127.0.0.1" {
		t.Fatalf("%+v, %v", r, err)
	}
	second := writePair(t, b.Dir, "a", "a.test")
	b.Eventually(patiently, "the new certificate is shown", func() error {
		_, now, err := ask(b.listens[0], &tls.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if now.Equal(first) {
			return fmt.Errorf("the old one is")
		}
		if !now.Equal(second.Leaf) {
			t.Fatal("another certificate than the new one")
		}
		return nil
	})
}

func TestClientCertificatesAreDemandedOrVerified(t *testing.T) {
	for _, mode := range []string{"required", "optional"} {
		dir := t.TempDir()
		known, stranger := writePair(t, dir, "clients", "client.test"), writePair(t, dir, "stranger", "stranger.test")
		b := startDemanding(t, mode, filepath.Join(dir, "clients.pem"))
		for name, test := range map[string]struct {
			certificates []tls.Certificate
			want         bool
		}{
			"its own": {[]tls.Certificate{known}, true}, "a stranger's": {[]tls.Certificate{stranger}, false}, "none": {nil, mode == "optional"},
		} {
			config := &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(test.certificates) == 0 {
					return &tls.Certificate{}, nil
				}
				return &test.certificates[0], nil
			}}
			r, _, err := ask(b.listens[0], config)
			if got := err == nil && r.status == 200; got != test.want {
				t.Errorf("%s, %s: %d, %v", mode, name, r.status, err)
			}
		}
	}
}

func startDemanding(t *testing.T, mode, ca string) *balancer {
	t.Helper()
	return balanceSecurely(t, plainOrigin(t), fmt.Sprintf(", clients: {mode: %s, ca: '%s'}", mode, ca))
}

func TestLeastVersionOfTLSIsHeld(t *testing.T) {
	b := balanceSecurely(t, plainOrigin(t), ", minVersion: '1.3'")
	if _, _, err := ask(b.listens[0], &tls.Config{MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 is taken where 1.3 is the least")
	}
	if r, _, err := ask(b.listens[0], &tls.Config{}); err != nil || r.status != 200 {
		t.Errorf("TLS 1.3: %d, %v", r.status, err)
	}
}

// Whoever speaks the other of TLS and plain HTTP, or nothing at all, is let go soon and costs nobody else anything.
func TestHandshakesThatComeToNothingEnd(t *testing.T) {
	b := balanceSecurely(t, plainOrigin(t), "")
	for name, text := range map[string]string{"plain HTTP": "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "nothing": "", "half of a hello": "\x16\x03\x01\x02\x00\x01"} {
		c, err := dial(b.listens[0])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, text)
		began := time.Now()
		rest, err := io.ReadAll(bufio.NewReader(c))
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Errorf("%s: the connection stays open", name)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: it took %v, timeouts.header is 1s", name, took)
		}
		if strings.Contains(string(rest), "200 OK") {
			t.Errorf("%s: got %q", name, rest)
		}
		c.Close()
	}
	if r, _, err := ask(b.listens[0], &tls.Config{}); err != nil || r.status != 200 {
		t.Errorf("afterwards: %d, %v", r.status, err)
	}
	plain := balance(t, [][]string{{plainOrigin(t)}})
	if _, err := tls.Dial("tcp", plain.listens[0], &tls.Config{InsecureSkipVerify: true}); err == nil {
		t.Error("TLS with a plain listener")
	}
}
