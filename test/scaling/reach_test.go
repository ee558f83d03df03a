package scaling_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/system"
)

// speakers holds what the tests of this file share: the program of the replicas, and a certificate that is for shop.internal alone, which
// is its own authority, and as good for clients.
type speakers struct{ program, certificate, key string }

func newSpeakers(t *testing.T) speakers {
	t.Helper()
	dir := t.TempDir()
	s := speakers{filepath.Join(dir, "speaker-shop"), filepath.Join(dir, "shop.pem"), filepath.Join(dir, "shop.key")}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.program, "./test/scaling/speaker")
	build.Dir = system.Root()
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the speaker: %v\n%s", err, output)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop.internal"}, DNSNames: []string{"shop.internal"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), BasicConstraintsValid: true, IsCA: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]pem.Block{s.certificate: {Type: "CERTIFICATE", Bytes: public}, s.key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(&block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// config is of a service whose replicas are speakers with some arguments.
func (s speakers) config(arguments, balancing string) string {
	config := `
api: {listen: API}
services:
  shop:
    run: {command: "SPEAKER --port {{port}} ` + arguments + `", ports: PORTS}
    scaling: {minReplicas: 2}
    loadBalancing: {listen: TRAFFIC, ` + balancing + `}
`
	return strings.NewReplacer("SPEAKER", s.program, "CERT", s.certificate, "KEY", s.key).Replace(config)
}

// asked asks a system's service in HTTP/1.1 for what its replica was asked, from 127.0.0.2.
func asked(t *testing.T, s *system.System, want string) {
	t.Helper()
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	transport := &http.Transport{DialContext: from.DialContext, DisableKeepAlives: true}
	s.Eventually(5*time.Second, "a replica answers "+want, func() error {
		response, err := (&http.Client{Transport: transport}).Get("http://" + s.Traffic + "/")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK || string(body) != want {
			return fmt.Errorf("%s %q %v", response.Status, body, err)
		}
		return nil
	})
}

func askedLine(t *testing.T, s *system.System, want string) {
	t.Helper()
	s.Eventually(5*time.Second, "a replica answers "+want, func() error {
		conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", s.Traffic)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		if _, err := io.WriteString(conn, "ping\n"); err != nil {
			return err
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if line != want {
			return fmt.Errorf("%q %v", line, err)
		}
		return nil
	})
}

func TestReplicasGetReadyWhateverTheySpeak(t *testing.T) {
	t.Parallel()
	build := newSpeakers(t)
	for name, c := range map[string]struct {
		arguments, balancing string
		asked                func(*testing.T, *system.System, string)
		want                 string
	}{
		"tcp": {"--speaks tcp", "protocol: tcp", askedLine, "ping over TCP\n"},
		"tcp with TLS and PROXY to the backend": {"--speaks tcp --certificate CERT --key KEY --proxied",
			"protocol: tcp, backendTLS: {enabled: true, ca: CERT, serverName: shop.internal}, proxyProtocol: {send: v1}", askedLine, "ping over TCP\n"},
		"h2c":                   {"--speaks h2", "backendProtocol: h2", asked, "HTTP/2.0 of 127.0.0.1"},
		"TLS":                   {"--certificate CERT --key KEY", "backendTLS: {enabled: true, ca: CERT, serverName: shop.internal}", asked, "HTTP/1.1 of 127.0.0.1"},
		"h2 over TLS":           {"--speaks h2 --certificate CERT --key KEY", "backendProtocol: h2, backendTLS: {enabled: true, skipVerify: true}", asked, "HTTP/2.0 of 127.0.0.1"},
		"PROXY":                 {"--proxied", "proxyProtocol: {send: v2}", asked, "HTTP/1.1 of 127.0.0.2"},
		"TLS, health by TCP":    {"--certificate CERT --key KEY", "backendTLS: {enabled: true, skipVerify: true}, healthCheck: {type: tcp}", asked, "HTTP/1.1 of 127.0.0.1"},
		"h2c, not checked ever": {"--speaks h2", "backendProtocol: h2, healthCheck: {enabled: false}", asked, "HTTP/2.0 of 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := system.New(t, build.config(c.arguments, c.balancing))
			s.Run()
			s.WaitReplicas("shop", 2, 10*time.Second)
			c.asked(t, s, c.want)
		})
	}
}

// The scaler reads the certificates in a process of its own.
func TestReplicasBehindMutualTLSGetReadyWhereTheRolesAreApart(t *testing.T) {
	t.Parallel()
	build := newSpeakers(t)
	s := system.New(t, build.config("--speaks h2 --certificate CERT --key KEY --clients CERT --proxied",
		"backendProtocol: h2, proxyProtocol: {send: v2}, backendTLS: {enabled: true, ca: CERT, serverName: shop.internal, certificate: CERT, key: KEY}"))
	balancer, monitor, scaler := s.Start("balancer"), s.Start("monitor"), s.Start("scaler")
	s.WaitReady(balancer, monitor, scaler)
	before := s.WaitReplicas("shop", 2, 10*time.Second)
	asked(t, s, "HTTP/2.0 of 127.0.0.2")

	// What the balancer saw of its listener and of the certificate that it shows comes to the monitor and to the scaler.
	for expr, want := range map[string]float64{
		`headroom_listener_requests_total{protocol="HTTP/1.1"}`: 1,
		`headroom_connections_accepted_total`:                   1,
		`headroom_certificate_lifetime_seconds`:                 25 * 3600,
		`headroom_certificate_failing`:                          0,
	} {
		s.Eventually(10*time.Second, expr+" is measured", func() error {
			series, err := s.Query(expr, time.Now().Add(-2*time.Second), time.Now())
			if err != nil || len(series) != 1 {
				return fmt.Errorf("%d series, %v", len(series), err)
			}
			if points := series[0].Points; points[len(points)-1].Value == nil || *points[len(points)-1].Value < want {
				return fmt.Errorf("%v", points)
			}
			return nil
		})
	}
	var status headroom.BalancerStatus
	if err := s.Get("/api/balancer/status", &status); err != nil || len(status.Listeners) != 1 || len(status.Certificates) != 1 {
		t.Fatalf("%+v, %v", status, err)
	}
	if c := status.Certificates[0]; c.File != build.certificate || len(c.Names) != 1 || c.Names[0] != "shop.internal" || c.Error != "" {
		t.Errorf("the certificate is %+v", c)
	}

	scaler.Kill()
	scaler = s.Start("scaler")
	s.WaitReady(scaler)
	samePIDs(t, before, s.WaitReplicas("shop", 2, 5*time.Second))
	scaler.Signal(syscall.SIGINT)
	scaler.Wait(15 * time.Second)
	s.WaitNone(0)
}

// The name that the certificate must be for was forgotten. When it is put right, the replicas that were started meanwhile get ready; and
// another change of how they are reached leaves them running.
func TestAChangeOfHowReplicasAreReachedRestartsNone(t *testing.T) {
	t.Parallel()
	build := newSpeakers(t)
	config := func(tls string) string {
		return build.config("--certificate CERT --key KEY", "backendTLS: {enabled: true, "+tls+"}")
	}
	s := system.New(t, config("ca: CERT"))
	s.Start("run")
	before := map[string]int{}
	s.Eventually(10*time.Second, "two replicas say why they are not ready", func() error {
		status, err := s.Status("shop")
		if err != nil {
			return err
		}
		for _, replica := range status.Replicas {
			if !strings.Contains(replica.Detail, "TLS handshake") || !strings.Contains(replica.Detail, "127.0.0.1") {
				return fmt.Errorf("%s says %q", replica.Name, replica.Detail)
			}
			before[replica.Name] = replica.PID
		}
		if len(before) != 2 {
			return fmt.Errorf("replicas %v", before)
		}
		return nil
	})
	s.Configure(config("ca: CERT, serverName: shop.internal"))
	samePIDs(t, before, s.WaitReplicas("shop", 2, 10*time.Second))
	asked(t, s, "HTTP/1.1 of 127.0.0.1")

	s.Configure(config("skipVerify: true"))
	s.Eventually(5*time.Second, "the config is in force", func() error {
		events, err := s.Events()
		reloads := 0
		for _, event := range events {
			if event.Type == "config-reloaded" {
				reloads++
			}
		}
		if reloads < 2 {
			return fmt.Errorf("%d reloads, %v", reloads, err)
		}
		return nil
	})
	asked(t, s, "HTTP/1.1 of 127.0.0.1")
	samePIDs(t, before, s.WaitReplicas("shop", 2, 5*time.Second))
	s.RunExactly(before)
}
