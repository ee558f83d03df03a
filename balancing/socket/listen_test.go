package socket

import (
	"net"
	"testing"
)

func TestDeferredConnectionsComeWhenTheirClientsHaveSpokenOrAfterASecond(t *testing.T) {
	for name, c := range map[string]struct {
		clientSpeaksFirst bool
		first             int
	}{"deferred": {true, 1}, "at once": {false, 0}} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			Defer(ln, c.clientSpeaksFirst)
			var clients [2]net.Conn
			for i := range clients {
				if clients[i], err = net.Dial("tcp", ln.Addr().String()); err != nil {
					t.Fatal(err)
				}
				defer clients[i].Close()
			}
			mustWrite(t, clients[1], "x")
			for _, want := range []net.Conn{clients[c.first], clients[1-c.first]} {
				conn, err := ln.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if conn.RemoteAddr().String() != want.LocalAddr().String() {
					t.Errorf("accepted %s, expected %s", conn.RemoteAddr(), want.LocalAddr())
				}
			}
		})
	}
}
