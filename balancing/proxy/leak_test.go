package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// descriptors counts the open files of the process.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("open files are counted in /proc/self/fd, which is not here: ", err)
	}
	return len(list)
}

// Connections that end in every way there is leave neither goroutines nor files behind.
func TestConnectionsLeaveNothingBehind(t *testing.T) {
	const clients, each = 10, 100
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	o := prover(t, 6)
	s, address := serve(t, o.address(), refused(t))
	var wg sync.WaitGroup
	for id := range clients {
		wg.Go(func() {
			for i := range each {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Error(err)
					return
				}
				conn.SetDeadline(time.Now().Add(patiently))
				switch (id + i) % 7 {
				case 0: // says nothing
				case 1:
					io.WriteString(conn, "GET / HT")
				case 2:
					io.WriteString(conn, "nonsense\r\n\r\n")
				case 3:
					fmt.Fprint(conn, request("GET /", "Connection: close"))
					io.Copy(io.Discard, conn)
				case 4:
					fmt.Fprint(conn, request("POST /", "Content-Length: 100000"), "and leaves")
				case 5:
					fmt.Fprint(conn, request("POST /", "Transfer-Encoding: chunked"), "zz\r\n")
					io.Copy(io.Discard, conn)
				case 6:
					fmt.Fprint(conn, request("PUT /", "Content-Length: 3"), "abc")
					conn.Read(make([]byte, 10))
					conn.(*net.TCPConn).SetLinger(0)
				}
				conn.Close()
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), patiently)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("connections are open after all clients have left: %v", err)
	}
	o.Close()
	eventually(t, "all goroutines and files are gone", func() bool {
		return runtime.NumGoroutine() <= goroutines && descriptors(t) <= files
	})
}
