package balancing

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// chaosAddress makes this test program one of its own backends: it answers with the path that was asked for.
const chaosAddress = "HEADROOM_CHAOS_BACKEND"

func TestMain(m *testing.M) {
	address := os.Getenv(chaosAddress)
	if address == "" {
		os.Exit(run(m))
	}
	err := http.ListenAndServe(address, http.HandlerFunc(echoPath))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func echoPath(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }

// backendProcess is a process that can be killed, stopped and started again, each time on the same address.
type backendProcess struct {
	address string
	cmd     *exec.Cmd
}

func startBackend(t *testing.T, address string) *backendProcess {
	b := &backendProcess{address: address}
	b.start(t)
	t.Cleanup(b.kill)
	return b
}

func (b *backendProcess) start(t *testing.T) {
	b.cmd = exec.Command(os.Args[0])
	b.cmd.Env = append(os.Environ(), chaosAddress+"="+b.address)
	if err := b.cmd.Start(); err != nil {
		t.Error(err)
	}
}

func (b *backendProcess) kill() {
	if b.cmd.Process != nil {
		b.cmd.Process.Kill()
		b.cmd.Wait()
	}
}

// moody is a backend that answers in a way that changes with each request: well, slowly, with an error, with a reset, with garbage, not at all.
func moody(t *testing.T) (address string) {
	var n atomic.Int64
	o := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) % 8 {
		case 1:
			time.Sleep(100 * time.Millisecond)
			echoPath(w, r)
		case 2:
			w.WriteHeader(503)
		case 3, 4, 5:
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			switch n.Load() % 3 {
			case 0:
				conn.(*net.TCPConn).SetLinger(0) // closing resets
			case 1:
				io.WriteString(conn, "HTTP/1.1 2x0 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n??")
			}
		case 6:
			<-r.Context().Done()
		default:
			echoPath(w, r)
		}
	}))
	t.Cleanup(o.Close)
	return o.Listener.Addr().String()
}

// Whatever becomes of backends, while one of them serves, requests that may be sent again succeed: all of them. CHAOS_REQUESTS is how many, of
// which `make bench-chaos` sends a million.
func TestIdempotentRequestsSurviveChaosAmongTheBackends(t *testing.T) {
	want := int64(4000)
	if text := os.Getenv("CHAOS_REQUESTS"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatalf("CHAOS_REQUESTS: %v", err)
		}
		want = n
	}
	first := httptest.NewServer(http.HandlerFunc(echoPath))
	t.Cleanup(first.Close)
	second := httptest.NewServer(http.HandlerFunc(echoPath))
	t.Cleanup(second.Close)
	addresses := free(t, 3)
	killed, stopped := startBackend(t, addresses[0]), startBackend(t, addresses[1])
	c := configure(t, strings.NewReplacer("A1", first.Listener.Addr().String(), "A2", killed.address, "A3", stopped.address, "A4", moody(t)).Replace(`
services:
  s:
    backends: [{address: 'A1'}, {address: 'A2'}, {address: 'A3'}, {address: 'A4'}]
    loadBalancing:
      listen: LISTEN1
      healthCheck: {enabled: true, type: tcp, interval: 200ms, timeout: 200ms, unhealthyThreshold: 1}
      circuitBreaker: {enabled: true, failureThreshold: 5, recoveryTimeout: 300ms, maxRecoveryTimeout: 1s}
      outlierDetection: {enabled: true, ejectionTime: 500ms, maxEjectionTime: 1s, interval: 1s}
      timeouts: {connect: 300ms, response: 10s}
      retries: {attempts: 6, on: [connect, reset, timeout, malformed], statuses: [502, 503, 504], perTryTimeout: 300ms, budget: {percent: 100, perSecond: 1000}}
`))
	end := make(chan struct{})
	var mischief sync.WaitGroup
	every := func(interval time.Duration, what func()) {
		mischief.Go(func() {
			ticker := time.NewTicker(interval)
			defer ticker.Stop()
			for {
				select {
				case <-end:
					return
				case <-ticker.C:
					what()
				}
			}
		})
	}
	every(700*time.Millisecond, func() { killed.kill(); killed.start(t) })
	down := false
	every(400*time.Millisecond, func() {
		down = !down
		stopped.cmd.Process.Signal(map[bool]syscall.Signal{true: syscall.SIGSTOP, false: syscall.SIGCONT}[down])
	})
	var added struct {
		ID string `json:"id"`
	}
	every(time.Second, func() {
		if added.ID != "" {
			if err := c.Do("DELETE", "/api/balancer/backends/"+added.ID+"?force=true", nil, nil); err != nil {
				t.Log("remove:", err)
			}
			added.ID = ""
			return
		}
		body := map[string]any{"service": "s", "address": second.Listener.Addr().String(), "weight": 1}
		if err := c.Do("POST", "/api/balancer/backends", body, &added); err != nil {
			t.Log("add:", err)
		}
	})
	var sent, failed atomic.Int64
	var clients sync.WaitGroup
	for i := range 16 {
		clients.Go(func() {
			for failed.Load() < 10 {
				n := sent.Add(1)
				if n > want {
					return
				}
				if err := askPath(c.listens[0], fmt.Sprintf("/%d/%d", i, n)); err != nil {
					failed.Add(1)
					t.Error(err)
				}
			}
		})
	}
	clients.Wait()
	close(end)
	mischief.Wait()
	stopped.cmd.Process.Signal(syscall.SIGCONT)
	t.Logf("%d requests, %d failed", min(sent.Load(), want), failed.Load())
}

// askPath sends one request on a connection of its own and wants its path for an answer.
func askPath(address, path string) error {
	conn, err := net.DialTimeout("tcp", address, patiently)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patiently))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 || string(body) != path {
		return fmt.Errorf("%s: got %d %q, %v", path, response.StatusCode, body, err)
	}
	return nil
}

// free are addresses that nobody listens on.
func free(t *testing.T, n int) (addresses []string) {
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		addresses = append(addresses, ln.Addr().String())
	}
	return addresses
}
