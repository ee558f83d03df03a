package scaling_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// startOrigin is a backend with a WebSocket that echoes lines, and a slow download. It returns its address.
func startOrigin(t *testing.T) string {
	mux := http.NewServeMux()
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		conn, in, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		io.Copy(conn, in)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		for range downloadPieces {
			if _, err := io.WriteString(w, downloadPiece); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-r.Context().Done():
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// The slow download takes five seconds.
const downloadPieces = 100

var downloadPiece = strings.Repeat("0123456789abcdef", 256)

// clients use a balancer without pause, and forgive nothing: a request that is not answered with 200, on a connection that was not
// announced to be closed, has failed.
type clients struct {
	t       *testing.T
	address string
	stopped chan struct{}
	running sync.WaitGroup
	socket  net.Conn
	echoes  *bufio.Reader

	kept, fresh, downloads, failed atomic.Int64
}

func startClients(t *testing.T, address string) *clients {
	t.Helper()
	c := &clients{t: t, address: address, stopped: make(chan struct{})}
	c.openSocket()
	for range 4 {
		c.running.Go(c.keepAlive)
		c.running.Go(c.connectEachTime)
	}
	c.running.Go(c.idleOften)
	c.running.Go(c.download)
	return c
}

// stop ends the clients and fails the test if any of their requests failed.
func (c *clients) stop() {
	c.t.Helper()
	close(c.stopped)
	c.running.Wait()
	c.echo("the last word")
	c.socket.Close()
	if kept, fresh, downloads := c.kept.Load(), c.fresh.Load(), c.downloads.Load(); kept == 0 || fresh == 0 || downloads == 0 || c.failed.Load() > 0 {
		c.t.Errorf("%d failed", c.failed.Load())
	}
	c.t.Logf("%d requests on kept connections, %d on one of their own, %d downloads", c.kept.Load(), c.fresh.Load(), c.downloads.Load())
}

func (c *clients) fail(format string, values ...any) {
	if c.failed.Add(1) <= 5 {
		c.t.Errorf(time.Now().Format("15:04:05.000 ")+format, values...)
	}
}

func (c *clients) going() bool {
	select {
	case <-c.stopped:
		return false
	default:
		return true
	}
}

func (c *clients) openSocket() {
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		c.t.Fatal(err)
	}
	c.socket, c.echoes = conn, bufio.NewReader(conn)
	io.WriteString(conn, "GET /socket HTTP/1.1\r\nHost: origin.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	answer, err := http.ReadResponse(c.echoes, nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		c.t.Fatalf("the WebSocket was not opened: %v %v", answer, err)
	}
}

// echo sends a line through the WebSocket and wants it back.
func (c *clients) echo(line string) {
	c.t.Helper()
	_ = c.socket.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintln(c.socket, line)
	if back, err := c.echoes.ReadString('\n'); err != nil || back != line+"\n" {
		c.t.Errorf("the WebSocket answered %q, %v", back, err)
	}
}

// connection is one to the balancer; its zero value connects when it is used.
type connection struct {
	conn net.Conn
	in   *bufio.Reader
}

// post sends a request that nobody may repeat, and closes the connection after it where the answer says so.
func (k *connection) post(address, extra string) error {
	if k.conn == nil {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		k.conn, k.in = conn, bufio.NewReader(conn)
	}
	_ = k.conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(k.conn, "POST /echo HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n"+extra+"\r\norder"); err != nil {
		return err
	}
	answer, err := http.ReadResponse(k.in, nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", answer.Status, body)
	}
	if answer.Close {
		k.close()
	}
	return nil
}

func (k *connection) close() {
	if k.conn != nil {
		k.conn.Close()
		k.conn = nil
	}
}

func (c *clients) keepAlive() { c.keep(0) }

// idleOften leaves its connection idle between requests, as a proxy does that keeps some in store.
func (c *clients) idleOften() { c.keep(100 * time.Millisecond) }

func (c *clients) keep(pause time.Duration) {
	var k connection
	defer k.close()
	for c.going() {
		if err := k.post(c.address, ""); err != nil {
			c.fail("a request on a kept connection: %v", err)
			k.close()
		}
		c.kept.Add(1)
		if pause > 0 {
			select {
			case <-time.After(pause):
			case <-c.stopped:
			}
		}
	}
}

func (c *clients) connectEachTime() {
	for c.going() {
		var k connection
		if err := k.post(c.address, "Connection: close\r\n"); err != nil {
			c.fail("a request on a new connection: %v", err)
		}
		k.close()
		c.fresh.Add(1)
	}
}

// download fetches the slow download, at least once.
func (c *clients) download() {
	for again := true; again; again = c.going() {
		if n, err := c.fetch(); err != nil || n != downloadPieces*int64(len(downloadPiece)) {
			c.fail("a download ended after %d bytes: %v", n, err)
		}
		c.downloads.Add(1)
	}
}

func (c *clients) fetch() (int64, error) {
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	io.WriteString(conn, "GET /slow HTTP/1.1\r\nHost: origin.test\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	return io.Copy(io.Discard, answer.Body)
}

// answersFor asks once and says what was wrong with the answer.
func answersFor(address, host string) error {
	request, err := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return err
	}
	request.Host = host
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", response.Status)
	}
	return nil
}

// slowAnswer asks a replica for an answer that takes a while.
func slowAnswer(address string, d time.Duration) error {
	request, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://%s/slow?for=%s", address, d), strings.NewReader("order"))
	if err != nil {
		return err
	}
	request.Host = "shop.test"
	response, err := (&http.Client{Transport: &http.Transport{}}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s, %w", response.Status, err)
	}
	return nil
}
