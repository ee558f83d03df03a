package scaling_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// What Prometheus writes and what it is asked for drive one service together.
const sentConfig = `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}}", ports: PORTS}
    scaling:
      minReplicas: 1
      maxReplicas: 6
      stableWindow: 2s
      scaleDownCooldown: 1s
      signals:
        orders:
          pushed: {metric: orders_open}
          every: 1s
          staleAfter: 30s
        queue:
          promql: {query: 'sum(checkout_queue_length)', url: "http://PROMETHEUS", timeout: 2s}
          every: 1s
          staleAfter: 10s
      policies:
        - {name: orders, target: {metric: orders, averageValue: 10}}
        - {name: queue, target: {metric: queue, averageValue: 10}}
    loadBalancing: {listen: TRAFFIC}
`

// remoteWriteOfThePage is the block of docs/signals.md that tells a Prometheus to write to headroom, for that of a test: without a token, which the test's
// API does not want.
func remoteWriteOfThePage(t *testing.T, api string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(system.Root(), "docs", "signals.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "# The config of Prometheus\n")
	block, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("docs/signals.md does not show the config of a Prometheus")
	}
	block = regexp.MustCompile(`(?m)^ *authorization:.*\n`).ReplaceAllString(block, "")
	return strings.ReplaceAll(block, "127.0.0.1:7070", api)
}

func TestAPrometheusWritesAndAnswersWhatAServiceIsScaledOn(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("prometheus"); err != nil {
		t.Skip("prometheus is not installed: make deps")
	}
	var orders, queue atomic.Int64
	orders.Store(5)
	application := &http.Server{Addr: system.FreeAddress(t), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE orders_open gauge\norders_open %d\n# TYPE checkout_queue_length gauge\ncheckout_queue_length %d\nnoise 1e9\n", orders.Load(), queue.Load())
	})}
	go func() { _ = application.ListenAndServe() }() // until it is closed
	defer application.Close()

	address := system.FreeAddress(t)
	s := system.New(t, strings.ReplaceAll(sentConfig, "PROMETHEUS", address))
	config := filepath.Join(s.Dir, "prometheus.yml")
	text := "global: {scrape_interval: 1s}\nscrape_configs:\n  - {job_name: application, static_configs: [{targets: [\"" + application.Addr + "\"]}]}\n" +
		remoteWriteOfThePage(t, s.API)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Run()
	prometheus := exec.Command("prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(s.Dir, "tsdb"), "--web.listen-address="+address)
	log := &strings.Builder{} // read after it has ended
	prometheus.Stderr = log
	if err := prometheus.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = prometheus.Process.Kill()
		_ = prometheus.Wait() // says that it was killed
		if t.Failed() {
			t.Logf("prometheus:\n%s", log)
		}
	}()

	s.WaitReplicas("shop", 1, 20*time.Second)
	orders.Store(40) // written to headroom: 40 / 10
	s.WaitReplicas("shop", 4, 40*time.Second)
	queue.Store(55) // asked for: 55 / 10
	s.WaitReplicas("shop", 6, 20*time.Second)
	orders.Store(5)
	queue.Store(15)
	s.WaitReplicas("shop", 2, 40*time.Second)

	changes, err := s.Changes("shop")
	if err != nil || len(changes) == 0 {
		t.Fatal(changes, err)
	}
	if _, noise := changes[0].Observation.Signals["noise"]; noise || changes[0].Observation.Signals["orders"].Fast.Total == nil {
		t.Errorf("decided on %+v", changes[0].Observation.Signals)
	}
}
