package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"headroom.dev/headroom/balancing/edit"
	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/socket"
)

// callTo is a call over a new connection to a backend.
func callTo(t *testing.T, address string) *backendConn {
	t.Helper()
	dialed, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialed.Close() })
	conn, err := socket.New(dialed.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	return newBackendConn(&backend{}, &transport{}, &pool{}, conn, h1.Limits{})
}

// A first wait for the answer whose time is up before it begins, as after a slow connect or on a busy machine, must not lose the request:
// the backend would be waited for in vain.
func TestRequestIsSentAlthoughTheFirstWaitForItsAnswerCameTooLate(t *testing.T) {
	address := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	u := callTo(t, address)
	x := &exchange{out: []byte(request("GET /"))}
	if err := u.send(x); err != nil {
		t.Fatal(err)
	}
	if err := u.await(&x.res, false, time.Now().Add(-time.Hour), patience); !isTimeout(err) {
		t.Fatalf("late: %v", err)
	}
	if err := u.await(&x.res, false, time.Now(), patiently); err != nil || x.res.Status() != 200 {
		t.Errorf("got %d, %v", x.res.Status(), err)
	}
}

// The time in which a backend must answer begins when it has been reached.
func TestTimeThatConnectingTookIsNotTheResponses(t *testing.T) {
	x := &exchange{client: staying{}, route: &edit.Route{ResponseTimeout: time.Minute}}
	x.view, x.connected, x.attemptAt = &view{}, time.Hour, time.Now().Add(-time.Hour)
	if err := x.awaitResponse(&hesitant{}); err != nil {
		t.Errorf("%v, want the answer", err)
	}
}
