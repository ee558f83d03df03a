package proxy

import (
	"bufio"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/socket"
)

// A call is canceled by the goroutine that reads for all streams of a client. TLS would wait 5 s there to say goodbye to a backend that takes
// nothing, and what it says is wrong: a request that was broken off has not ended in order.
func TestCancelDoesNotWaitForABackendThatTakesNothing(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	over := make(chan struct{})
	address := script(t, func(_ int, conn net.Conn, _ *bufio.Reader) {
		tls.Server(conn, config).Handshake()
		<-over
	})
	defer close(over)
	dialed, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := socket.New(dialed.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	secure := tls.Client(&noticing{Conn: tcp}, &tls.Config{InsecureSkipVerify: true})
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	u := newBackendConn(&backend{}, &transport{}, &pool{}, secure, h1.Limits{})
	for err == nil {
		tcp.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		_, err = tcp.Write(make([]byte, 64<<10))
	}
	began := time.Now()
	u.cancel()
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := u.conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
}
