package readme_test

import (
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

var update = flag.Bool("update", false, "write the table of metrics in docs/monitoring.md and the pictures of pages anew")

const (
	metricsPage  = "docs/monitoring.md"
	metricsBegin = "<!-- made by go test ./test/readme -run Metrics -update: the lines between these comments -->\n"
	metricsEnd   = "<!-- end -->\n"
)

func TestTheTableOfMetricsIsWhatHeadroomServes(t *testing.T) {
	t.Parallel()
	s := system.New(t, `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --latency 1ms", ports: PORTS, memory: 64MiB}
    scaling: {policies: [{name: least, shadow: true, rule: {when: "true", replicas: "2"}}]}
    loadBalancing: {listen: TRAFFIC, tls: {certificates: [{certificate: shop.pem, key: shop.key}]}}
`)
	client := secure(t, s)
	s.Run()
	var want string
	s.Eventually(20*time.Second, "every metric is served", func() error {
		if response, err := client.Get("https://" + s.Traffic); err == nil {
			response.Body.Close()
		}
		response, err := http.Get("http://" + s.API + "/metrics")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		want = metricsTable(string(text))
		// The last ones to appear: of the first replica's use, and of its first request.
		for _, late := range []string{"headroom_replica_memory_limit_bytes", "headroom_backend_requests_total", "headroom_replicas_unlimited", "headroom_policy_proposal"} {
			if !strings.Contains(want, late) {
				return fmt.Errorf("no %s yet", late)
			}
		}
		return nil
	})

	path := filepath.Join(system.Root(), metricsPage)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(content), metricsBegin)
	got, after, ends := strings.Cut(rest, metricsEnd)
	if !begins || !ends {
		t.Fatalf("%s has not the comments between which the table stands", metricsPage)
	}
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not what headroom serves: go test ./test/readme -run Metrics -update writes it. Now\n%s", metricsPage, want)
	}
	if err := os.WriteFile(path, []byte(before+metricsBegin+want+metricsEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// secure writes the certificate that the system's service has, and returns a client that takes it.
func secure(t *testing.T, s *system.System) *http.Client {
	t.Helper()
	// That of net/http/httptest is for 127.0.0.1, and valid until 2084.
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]pem.Block{"shop.pem": {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, "shop.key": {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(filepath.Join(s.Dir, name), pem.EncodeToMemory(&block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return server.Client()
}

var labelName = regexp.MustCompile(`([a-z_]+)="`)

// metricsTable makes a Markdown table of Headroom's own metrics from what /metrics answers.
func metricsTable(text string) string {
	kinds, labels := map[string]string{}, map[string][]string{}
	var names []string
	helps := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if rest, is := strings.CutPrefix(line, "# HELP headroom_"); is {
			name, help, _ := strings.Cut(rest, " ")
			names = append(names, name)
			helps[name] = help
			continue
		}
		if rest, is := strings.CutPrefix(line, "# TYPE headroom_"); is {
			name, kind, _ := strings.Cut(rest, " ")
			kinds[name] = kind
			continue
		}
		sample, is := strings.CutPrefix(line, "headroom_")
		if !is {
			continue
		}
		name, _, _ := strings.Cut(sample, "{")
		name = strings.TrimSuffix(name, "_bucket")
		for _, match := range labelName.FindAllStringSubmatch(sample, -1) {
			if match[1] != "le" && !slices.Contains(labels[name], match[1]) {
				labels[name] = append(labels[name], match[1])
			}
		}
	}
	slices.Sort(names)
	var out strings.Builder
	out.WriteString("\n| metric | kind | labels | meaning |\n|---|---|---|---|\n")
	for _, name := range names {
		slices.Sort(labels[name])
		fmt.Fprintf(&out, "| `headroom_%s` | %s | %s | %s |\n", name, kinds[name], strings.Join(labels[name], ", "), helps[name])
	}
	return out.String() + "\n"
}
