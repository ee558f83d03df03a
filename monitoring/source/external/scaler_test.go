package external

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"headroom.dev/headroom"
)

func dial(t *testing.T, source headroom.ExternalSource) *Scaler {
	t.Helper()
	if source.Timeout == 0 {
		source.Timeout = headroom.Duration(10 * time.Second)
	}
	s, err := Dial(source, "shop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestAScalersAnswersBecomeOneValue(t *testing.T) {
	spec := `metricSpecs {metricName: "first" targetSizeFloat: 2.5} metricSpecs {metricName: "second" targetSize: 4}`
	for _, c := range []struct {
		name      string
		source    headroom.ExternalSource
		answers   map[string]string
		want      float64
		wantError string
	}{
		{name: "a float", answers: map[string]string{"GetMetricSpec": spec, "GetMetrics": `metricValues {metricName: "first" metricValueFloat: 7.5}`}, want: 7.5},
		{name: "the whole number of an old scaler", answers: map[string]string{"GetMetricSpec": spec, "GetMetrics": `metricValues {metricValue: 12}`}, want: 12},
		{name: "the float wins over the whole number", answers: map[string]string{"GetMetricSpec": spec, "GetMetrics": `metricValues {metricValue: 12 metricValueFloat: 12.25}`}, want: 12.25},
		{name: "several values add up", answers: map[string]string{"GetMetricSpec": spec, "GetMetrics": `metricValues {metricValue: 1} metricValues {metricValueFloat: 2.5}`}, want: 3.5},
		{name: "a named metric needs no list of metrics", source: headroom.ExternalSource{Metric: "own"}, answers: map[string]string{"GetMetrics": `metricValues {metricValue: 3}`}, want: 3},
		{name: "a value per target: 10 / 2.5", source: headroom.ExternalSource{PerTarget: true},
			answers: map[string]string{"GetMetricSpec": spec, "IsActive": `result: true`, "GetMetrics": `metricValues {metricValue: 10}`}, want: 4},
		{name: "a value per old target: 10 / 4", source: headroom.ExternalSource{PerTarget: true, Metric: "second"},
			answers: map[string]string{"GetMetricSpec": spec, "IsActive": `result: true`, "GetMetrics": `metricValues {metricValue: 10}`}, want: 2.5},
		{name: "active without an amount", source: headroom.ExternalSource{PerTarget: true},
			answers: map[string]string{"GetMetricSpec": spec, "IsActive": `result: true`, "GetMetrics": `metricValues {metricValue: 0}`}, want: 0.001},
		{name: "not active", source: headroom.ExternalSource{PerTarget: true},
			answers: map[string]string{"GetMetricSpec": spec, "IsActive": ``, "GetMetrics": `metricValues {metricValue: 10}`}, want: 0},
		{name: "no metrics", answers: map[string]string{}, wantError: "names no metric"},
		{name: "no values", answers: map[string]string{"GetMetricSpec": spec}, wantError: `no value for the metric "first"`},
		{name: "another metric", source: headroom.ExternalSource{PerTarget: true, Metric: "third"}, answers: map[string]string{"GetMetricSpec": spec}, wantError: `no metric "third", it has ["first" "second"]`},
		{name: "no target", source: headroom.ExternalSource{PerTarget: true}, answers: map[string]string{"GetMetricSpec": `metricSpecs {metricName: "x"}`}, wantError: "target for x is 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.source.Address, _ = keda{answers: c.answers}.serve(t, "127.0.0.1:0")
			got, err := dial(t, c.source).Read(t.Context())
			if (err == nil) != (c.wantError == "") || err != nil && !strings.Contains(err.Error(), c.wantError) {
				t.Fatalf("the error is %v, want %q", err, c.wantError)
			}
			if got != c.want {
				t.Errorf("read %v, want %v", got, c.want)
			}
		})
	}
}

func TestAScalerIsToldWhoAsksAndTheTriggersMetadata(t *testing.T) {
	asked := make(chan string, 2)
	address, _ := keda{asked: asked, answers: map[string]string{"GetMetrics": `metricValues {metricValue: 3}`}}.serve(t, "127.0.0.1:0")
	source := headroom.ExternalSource{Address: address, Metric: "lag", Metadata: map[string]string{"topic": "orders", "empty": ""}}
	if _, err := dial(t, source).Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	method, data, _ := strings.Cut(<-asked, " ")
	request := dynamicpb.NewMessage(messages(t).ByName("GetMetricsRequest"))
	if err := proto.Unmarshal([]byte(data), request); err != nil || method != "GetMetrics" {
		t.Fatalf("it was asked %s: %v", method, err)
	}
	of := request.Get(request.Descriptor().Fields().ByName("scaledObjectRef")).Message()
	field := func(name string) string { return of.Get(of.Descriptor().Fields().ByName(protoName(name))).String() }
	if field("name") != "shop" || field("namespace") != "default" {
		t.Errorf("it was told %s in %s", field("name"), field("namespace"))
	}
	metadata := of.Get(of.Descriptor().Fields().ByName("scalerMetadata")).Map()
	if topic := metadata.Get(mapKey("topic")); metadata.Len() != 2 || topic.String() != "orders" || !metadata.Has(mapKey("empty")) {
		t.Errorf("it was told the metadata %v", metadata)
	}
	if metric := request.Get(request.Descriptor().Fields().ByName("metricName")).String(); metric != "lag" {
		t.Errorf("it was asked for %q", metric)
	}
}

func TestAScalerThatDoesNotAnswerIsNotWaitedFor(t *testing.T) {
	address, _ := keda{hang: true}.serve(t, "127.0.0.1:0")
	s := dial(t, headroom.ExternalSource{Address: address, Timeout: headroom.Duration(50 * time.Millisecond)})
	if _, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "DeadlineExceeded") {
		t.Errorf("the error is %v, want that of a deadline", err)
	}
}

func TestAScalerThatComesBackIsReadAgain(t *testing.T) {
	answers := map[string]string{"GetMetrics": `metricValues {metricValue: 3}`}
	address, server := keda{answers: answers}.serve(t, "127.0.0.1:0")
	s := dial(t, headroom.ExternalSource{Address: address, Metric: "lag"})
	if _, err := s.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	if _, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), address) {
		t.Fatalf("the error is %v, want one that names %s", err, address)
	}
	keda{answers: answers}.serve(t, address)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		value, err := s.Read(ctx)
		if err == nil && value == 3 {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("it was not read again: %v", err)
		}
		s.connection.WaitForStateChange(ctx, s.connection.GetState())
	}
}

func TestAScalerIsTrustedByItsCertificate(t *testing.T) {
	certificate, file := certify(t)
	answers := map[string]string{"GetMetrics": `metricValues {metricValue: 3}`}
	address, _ := keda{answers: answers}.serve(t, "127.0.0.1:0", grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
	if value, err := dial(t, headroom.ExternalSource{Address: address, Metric: "lag", CAFile: file}).Read(t.Context()); err != nil || value != 3 {
		t.Errorf("read %v, %v with the right certificate", value, err)
	}
	if _, err := dial(t, headroom.ExternalSource{Address: address, Metric: "lag", TLS: true}).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that the system does not trust: %v", err)
	}
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{empty, empty + ".missing"} {
		if _, err := Dial(headroom.ExternalSource{Address: address, CAFile: wrong}, "shop"); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("caFile %s: %v, want an error that names it", wrong, err)
		}
	}
}

// certify makes a certificate of 127.0.0.1 that has signed itself, and its file.
func certify(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func FuzzMessagesNeverPanic(f *testing.F) {
	f.Add([]byte{0x0a, 0x03, 0x0a, 0x01, 'x', 0x10, 0x01})
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = (&amounts{}).unmarshal(data)
		_ = (&active{}).unmarshal(data)
	})
}
