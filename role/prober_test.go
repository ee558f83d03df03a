package role

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/platform/process"
)

func TestReplicasBehindTLSAreJudgedByTheFilesOfTheirService(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler()) // for 127.0.0.1 and example.com
	defer server.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	p := newProber()
	defer p.close()
	probe := func(service string, tls headroom.BackendTLS) error {
		return p.probe(t.Context(), process.Check{Service: service, Address: server.Listener.Addr().String(),
			HealthCheck: headroom.HealthCheck{Enabled: true, Type: headroom.HealthCheckTCP, Timeout: headroom.Duration(5 * time.Second)},
			Reach:       headroom.Reach{BackendTLS: tls}})
	}
	fails := func(err error, words string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want …%s…", err, words)
		}
	}
	given := headroom.BackendTLS{Enabled: true, CA: authority}

	fails(probe("shop", given), "services.shop.loadBalancing.backendTLS.ca")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.TLS.Certificates[0].Certificate[0]})
	if err := os.WriteFile(authority, block, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := probe("shop", given); err != nil {
		t.Errorf("once the file is there: %v", err)
	}

	// Another service, with a mistake and then without, changes nothing for the first.
	fails(probe("api", headroom.BackendTLS{Enabled: true, CA: authority + ".none"}), "services.api.loadBalancing.backendTLS.ca")
	fails(probe("api", headroom.BackendTLS{Enabled: true}), "unknown authority") // that of the system
	if err := probe("api", headroom.BackendTLS{Enabled: true, SkipVerify: true}); err != nil {
		t.Errorf("where nothing is verified: %v", err)
	}
	if err := probe("shop", given); err != nil {
		t.Errorf("beside another service: %v", err)
	}
	given.ServerName = "shop.internal"
	fails(probe("shop", given), "shop.internal")

	if err := probe("shop", headroom.BackendTLS{}); err != nil {
		t.Errorf("without TLS it accepts a connection: %v", err)
	}
}
