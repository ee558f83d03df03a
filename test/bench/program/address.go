//go:build linux

package program

import (
	"fmt"
	"net"
	"time"
)

// FreeAddress returns a loopback address that nobody listens on.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// AwaitListener waits, for 10 s at most, until the program accepts connections at an address.
func (p *Program) AwaitListener(address string) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("does not listen: %w: %s", err, p.Errors())
		}
		select {
		case <-p.done:
			return fmt.Errorf("has ended: %s", p.Errors())
		case <-time.After(20 * time.Millisecond): // another process, which says nothing when it listens
		}
	}
}
