package proxyprotocol

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// haproxy runs HAProxy with a configuration in which fd@3 is the listener that is returned, until the test ends.
func haproxy(t *testing.T, network, address, config string) net.Addr {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed, so nothing is compared with it")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Skipf("listen on %s: %v", address, err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	config = "global\n  maxconn 100\ndefaults\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n" + config
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	command := exec.Command(program, "-db", "-f", path)
	command.ExtraFiles = []*os.File{file}
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		if t.Failed() {
			t.Logf("haproxy wrote: %s", output.String())
		}
	})
	return listener.Addr()
}

func TestHeadersThatHAProxySendsAreUnderstood(t *testing.T) {
	for _, server := range []string{
		"send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c", "send-proxy-v2-ssl-cn proxy-v2-options crc32c,unique-id",
	} {
		for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
			t.Run(server+" "+address, func(t *testing.T) {
				backend, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer backend.Close()
				front := haproxy(t, "tcp", address, fmt.Sprintf(
					"listen a\n  mode tcp\n  bind fd@3\n  unique-id-format %%pid\n  server s %s %s\n", backend.Addr(), server))
				client, err := net.DialTimeout("tcp", front.String(), 5*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				io.WriteString(client, "hello")
				want := Header{Source: addrPort(client.LocalAddr()), Destination: addrPort(client.RemoteAddr())}
				header, rest := accept(t, backend, len("hello"))
				if header != want || rest != "hello" {
					t.Errorf("got %+v and %q, want %+v and hello", header, rest, want)
				}
			})
		}
	}
}

func TestHealthChecksOfHAProxyAreLocal(t *testing.T) {
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	haproxy(t, "tcp", "127.0.0.1:0", fmt.Sprintf( // by version 1 it tells its own address
		"listen a\n  mode tcp\n  bind fd@3\n  option httpchk\n  server s %s check inter 50ms send-proxy-v2 check-send-proxy\n", backend.Addr()))
	header, rest := accept(t, backend, len("OPTIONS"))
	if !header.Local || !strings.HasPrefix(rest, "OPTIONS") {
		t.Errorf("got %+v and %q, want LOCAL and OPTIONS", header, rest)
	}
}

func TestHAProxyUnderstandsWhatIsSent(t *testing.T) {
	front := haproxy(t, "tcp", "127.0.0.1:0", `
frontend a
  mode http
  bind fd@3 accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
`)
	for name, c := range map[string]struct {
		source, destination netip.AddrPort
	}{
		"IPv4": {client4, server4}, "IPv6": {client6, server6}, "mixed": {client4, server6}, "local": {},
	} {
		for version, add := range map[string]func([]byte, netip.AddrPort, netip.AddrPort) []byte{"v1": AppendV1, "v2": AppendV2} {
			t.Run(name+" "+version, func(t *testing.T) {
				client, err := net.DialTimeout("tcp", front.String(), 5*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				client.SetDeadline(time.Now().Add(10 * time.Second))
				client.Write(append(add(nil, c.source, c.destination), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"...))
				answer, err := io.ReadAll(client)
				if err != nil {
					t.Fatal(err)
				}
				source, destination := c.source, c.destination
				if !source.IsValid() { // LOCAL: the addresses of the connection itself
					source, destination = addrPort(client.LocalAddr()), addrPort(client.RemoteAddr())
				}
				want := fmt.Sprintf("\r\n\r\n%s %d %s %d", source.Addr(), source.Port(), destination.Addr(), destination.Port())
				if name == "mixed" {
					want = strings.Replace(want, "192.0.2.1", "::ffff:192.0.2.1", 1)
				}
				if !strings.HasSuffix(string(answer), want) {
					t.Errorf("haproxy answered %q, want it to end with %q", answer, want)
				}
			})
		}
	}
}

// accept takes a connection, reads its header and at least n bytes after it.
func accept(t *testing.T, listener net.Listener, n int) (Header, string) {
	t.Helper()
	listener.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Second))
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	var got []byte
	for {
		header, used, err := Parse(got)
		if err == nil && len(got) >= used+n {
			return header, string(got[used:])
		}
		if err != nil && err != ErrIncomplete {
			t.Fatal(err)
		}
		part := make([]byte, 7) // so that headers come in parts
		size, err := conn.Read(part)
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, part[:size]...)
	}
}

func addrPort(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }
