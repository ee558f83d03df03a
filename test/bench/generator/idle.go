//go:build linux

package generator

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// Idle is connections that have each sent a request and got its answer, and wait.
type Idle struct{ conns []net.Conn }

// NewIdle opens connections, a few at once.
func NewIdle(address, path string, count int) (*Idle, error) {
	idle := &Idle{conns: make([]net.Conn, count)}
	errs := make(chan error, 32)
	var workers sync.WaitGroup
	for first := range cap(errs) {
		workers.Go(func() {
			buf := make([]byte, 4<<10)
			for i := first; i < count; i += cap(errs) {
				conn, err := net.Dial("tcp", address)
				if err == nil {
					idle.conns[i] = conn
					err = ask(conn, path, buf)
				}
				if err != nil {
					errs <- fmt.Errorf("connection %d: %w", i, err)
					return
				}
			}
		})
	}
	workers.Wait()
	close(errs)
	if err := <-errs; err != nil {
		idle.Close()
		return nil, err
	}
	return idle, nil
}

// ask sends one request and reads the answer, after which the connection stays open.
func ask(conn net.Conn, path string, buf []byte) error {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: bench.test\r\n\r\n", path); err != nil {
		return err
	}
	a := answer{}
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		done, err := a.read(buf[:n])
		if err == nil && done && a.last {
			err = fmt.Errorf("the server closes the connection")
		}
		if err != nil || done {
			return err
		}
	}
}

// Ask sends another request on every tenth connection and so finds out whether they still are there.
func (i *Idle) Ask(path string) error {
	buf := make([]byte, 4<<10)
	for at := 0; at < len(i.conns); at += 10 {
		if err := ask(i.conns[at], path, buf); err != nil {
			return fmt.Errorf("connection %d: %w", at, err)
		}
	}
	return nil
}

// Close closes all.
func (i *Idle) Close() {
	for _, conn := range i.conns {
		if conn != nil {
			conn.Close()
		}
	}
}
