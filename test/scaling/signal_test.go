package scaling_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/system"
)

// A queue of 10 for each replica. It is read each second, and is stale after three.
const queueConfig = `
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
        queue:
          http: {url: "http://QUEUE/stats", path: queues.0.length, timeout: 1s}
          every: 1s
          staleAfter: 3s
          fallback: {behavior: static, replicas: 5, after: 3}
        orders:
          pushed: {metric: orders_open, labels: {shop: berlin}}
          every: 1s
          staleAfter: 5m
      policies:
        - {name: queue, target: {metric: queue, averageValue: 10}}
        - {name: orders, target: {metric: orders, averageValue: 100}}
    loadBalancing: {listen: TRAFFIC}
`

func TestAQueueThatAnotherProgramCountsScalesAServiceAndItsFallbackActsWhenThatProgramDies(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var queue atomic.Int64
	queue.Store(10)
	stats := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"queues":[{"name":"orders","length":"%d"}]}`, queue.Load())
	})}
	go func() { _ = stats.Serve(listener) }() // until it is closed
	defer stats.Close()

	s := system.New(t, strings.ReplaceAll(queueConfig, "QUEUE", listener.Addr().String()))
	s.Run()
	s.WaitReplicas("shop", 1, 10*time.Second)

	// Until a value was sent nothing would shrink.
	push := func(orders float64) {
		t.Helper()
		body := map[string]any{"metrics": []headroom.PushedValue{
			{Name: "orders_open", Labels: map[string]string{"shop": "berlin"}, Value: orders},
			{Name: "orders_open", Labels: map[string]string{"shop": "paris"}, Value: 10_000},
		}}
		if err := s.Do(http.MethodPost, "/api/monitor/metrics", body, nil); err != nil {
			t.Fatal(err)
		}
	}
	push(0)
	queue.Store(40) // 40 / 10
	s.WaitReplicas("shop", 4, 15*time.Second)
	queue.Store(20)
	s.WaitReplicas("shop", 2, 15*time.Second)
	status, _, code := s.Command("status", "shop")
	if code != 0 || !strings.Contains(status, "20 in all, read ") {
		t.Errorf("the status does not show the queue with its age:\n%s", status)
	}

	push(300) // 300 / 100 is more than 20 / 10
	s.WaitReplicas("shop", 3, 15*time.Second)

	stats.Close()
	s.WaitReplicas("shop", 5, 20*time.Second)
	changes, err := s.Changes("shop")
	if err != nil || len(changes) == 0 {
		t.Fatal(changes, err)
	}
	seen := changes[0].Observation.Signals["queue"]
	if seen.Failures < 3 || seen.Stable.Total != nil || !strings.Contains(seen.Stable.Unknown, "connection refused") {
		t.Errorf("decided on %+v", seen)
	}
	if !strings.Contains(changes[0].Reason, "its fallback (static)") {
		t.Errorf("the reason is %q", changes[0].Reason)
	}
}
