package balancing

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// survivor is a client that does without pause what may not fail, while the program is upgraded.
type survivor struct {
	name string
	once func() error // one request, on a connection that is kept from one to the next where the protocol says so
	done atomic.Int64
}

// TestUpgradeFailsNothingByAnyProtocol: HTTP/2 and TLS have ways of their own to end a connection, TCP has none.
func TestUpgradeFailsNothingByAnyProtocol(t *testing.T) {
	origin, lines := telling(t, false), echoing(t)
	c := configure(t, `services:
  plain: {backends: [{address: '`+origin+`'}], loadBalancing: {listen: LISTEN1}}
  secure: {backends: [{address: '`+origin+`'}], loadBalancing: {listen: LISTEN2, backendProtocol: h2, tls: {certificates: [{certificate: a.pem, key: a.key}]}}}
  bytes: {backends: [{address: '`+lines+`'}], loadBalancing: {listen: LISTEN3, protocol: tcp}}
  secrets: {backends: [{address: '`+lines+`'}], loadBalancing: {listen: LISTEN4, protocol: tcp, tls: {certificates: [{certificate: a.pem, key: a.key}]}}}
`)
	var clients []*survivor
	for _, w := range wires {
		address := c.listens[map[bool]int{true: 1}[w.secure]]
		kept := w.client(t, address, "a.test")
		post := func(client *http.Client) error {
			// net/http would send what it can send again once more, and hide what failed.
			r, err := do(client, "POST", w.url("a.test", "/order"), io.MultiReader(strings.NewReader("order")))
			if err == nil && (r.StatusCode != 200 || !strings.HasSuffix(r.body, " 5")) {
				err = fmt.Errorf("%d %s", r.StatusCode, r.body)
			}
			return err
		}
		clients = append(clients, &survivor{name: w.String() + " kept", once: func() error { return post(kept) }},
			&survivor{name: w.String() + " fresh", once: func() error {
				client := w.client(t, address, "a.test")
				defer client.CloseIdleConnections()
				return post(client)
			}})
	}
	open := map[string]net.Conn{}
	for name, dialed := range map[string]func() (net.Conn, error){
		"TCP":          func() (net.Conn, error) { return net.Dial("tcp", c.listens[2]) },
		"TCP over TLS": func() (net.Conn, error) { return tls.Dial("tcp", c.listens[3], &tls.Config{InsecureSkipVerify: true}) },
	} {
		conn, err := dialed()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		open[name] = conn
		clients = append(clients, &survivor{name: name + " fresh", once: func() error {
			conn, err := dialed()
			if err != nil {
				return err
			}
			defer conn.Close()
			return echoed(conn)
		}})
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	for _, s := range clients {
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := s.once(); err != nil {
					t.Errorf("%s %s, after %d that went well: %v", time.Now().Format("15:04:05.000"), s.name, s.done.Load(), err)
					return
				}
				s.done.Add(1)
			}
		})
	}
	for range 3 {
		before := make([]int64, len(clients))
		for i, s := range clients {
			before[i] = s.done.Load()
		}
		c.upgrade(t)
		for name, conn := range open {
			if err := echoed(conn); err != nil {
				t.Errorf("%s, a connection from before the first upgrade: %v", name, err)
			}
		}
		for i, s := range clients {
			c.Eventually(patiently, s.name+" goes on", func() error {
				if s.done.Load() < before[i]+3 && !t.Failed() {
					return fmt.Errorf("%d since before the upgrade", s.done.Load()-before[i])
				}
				return nil
			})
		}
	}
	close(stop)
	running.Wait()
	for _, s := range clients {
		t.Logf("%s: %d", s.name, s.done.Load())
	}
}

// TestSessionsAreResumedAfterUpgradesAndRestarts, so that not all clients make full handshakes at once.
func TestSessionsAreResumedAfterUpgradesAndRestarts(t *testing.T) {
	c := configure(t, "services: {s: {backends: [{address: '"+telling(t, false)+
		"'}], loadBalancing: {listen: LISTEN1, tls: {certificates: [{certificate: a.pem, key: a.key}]}}}}\n")
	sessions := tls.NewLRUClientSessionCache(8)
	for step, want := range []bool{false, true, true, true} {
		switch step {
		case 2:
			c.upgrade(t)
		case 3:
			c.process.Signal(syscall.SIGINT)
			c.process.Wait(patiently)
			c.process = c.Run()
		}
		for version := range map[uint16]bool{tls.VersionTLS12: true, tls.VersionTLS13: true} {
			name := fmt.Sprintf("%x.test", version) // a session of each version
			conn, err := tls.Dial("tcp", c.listens[0], &tls.Config{InsecureSkipVerify: true, ServerName: name, MaxVersion: version, ClientSessionCache: sessions})
			if err != nil {
				t.Fatal(err)
			}
			if got := conn.ConnectionState().DidResume; got != want {
				t.Errorf("step %d, %s: resumed %v, want %v", step, tls.VersionName(version), got, want)
			}
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
			if r, err := newClient(conn).response("GET"); err != nil || r.status != 200 { // tickets of TLS 1.3 come before it
				t.Errorf("%+v, %v", r, err)
			}
			conn.Close()
		}
	}
}

// upgrade has the program replaced by itself.
func (c *configured) upgrade(t *testing.T) {
	t.Helper()
	t.Cleanup(func() { // the first process has the same standard output as its successors, which end as it is told to
		c.process.Signal(syscall.SIGINT)
		c.process.Wait(patiently)
	})
	if stdout, stderr, code := c.Command("upgrade", "-c", c.ConfigFile()); code != 0 {
		t.Fatalf("headroom upgrade: exit code %d\n%s%s", code, stdout, stderr)
	}
}

// echoing is an origin that sends back what it gets.
func echoing(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// echoed sends a line and wants it back.
func echoed(conn net.Conn) error {
	const line = "still there\n"
	conn.SetDeadline(time.Now().Add(patiently))
	if _, err := io.WriteString(conn, line); err != nil {
		return err
	}
	back := make([]byte, len(line))
	if _, err := io.ReadFull(conn, back); err != nil || string(back) != line {
		return fmt.Errorf("got %q, %w", back, err)
	}
	return nil
}
