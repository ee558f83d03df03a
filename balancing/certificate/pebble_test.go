package certificate

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// pebble is Let's Encrypt's server for tests (github.com/letsencrypt/pebble), which validates as the real one does.
type pebble struct {
	directory string
	rootCA    string // file of the authority of its own server
	listen    string // where it looks whether a host is ours, in place of port 443
}

// startPebble starts an authority whose certificates are valid for so long.
func startPebble(t *testing.T, validity time.Duration) pebble {
	t.Helper()
	program := findPebble(t)
	dir := t.TempDir()
	server := newAuthority(t, "pebble")
	files := server.files(dir, "localhost", "127.0.0.1")
	acme, management, challenge := freeAddress(t), freeAddress(t), freeAddress(t)
	_, port, _ := net.SplitHostPort(challenge)
	tlsPort := json.Number(port)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": acme, "managementListenAddress": management, "certificate": files.certificate, "privateKey": files.key,
		"tlsPort": tlsPort, "httpPort": 1, "keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"default": map[string]any{"description": "the only one", "validityPeriod": int(validity.Seconds())}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "pebble.json"), config)
	command := exec.Command(program, "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", startDNS(t))
	command.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		if t.Failed() {
			t.Logf("pebble: %s", &output)
		}
	})
	p := pebble{directory: "https://" + acme + "/dir", rootCA: server.file(filepath.Join(dir, "root.pem")), listen: challenge}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: server.pool()}}}
	defer client.CloseIdleConnections()
	eventually(t, "pebble answers", func() bool {
		response, err := client.Get(p.directory)
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return p
}

// findPebble looks on the path, in $TEST_TOOLS and in bin/tools of the module.
func findPebble(t *testing.T) string {
	t.Helper()
	if program, err := exec.LookPath("pebble"); err == nil {
		return program
	}
	for _, dir := range []string{os.Getenv("TEST_TOOLS"), "../../bin/tools"} {
		program, err := filepath.Abs(filepath.Join(dir, "pebble"))
		if err != nil || dir == "" {
			continue
		}
		if _, err := os.Stat(program); err == nil {
			return program
		}
	}
	t.Skip("there is no pebble on the path, in $TEST_TOOLS or in bin/tools: go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1")
	return ""
}

// startDNS starts a DNS server over TCP, which pebble asks by, for which every name is this machine.
func startDNS(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serveDNS(conn)
			}()
		}
	}()
	return ln.Addr().String()
}

// serveDNS answers messages, each of which follows its length in two bytes (RFC 1035 §4.2.2).
func serveDNS(conn net.Conn) {
	for {
		var length uint16
		if err := binary.Read(conn, binary.BigEndian, &length); err != nil {
			return
		}
		query := make([]byte, length)
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		answer, err := answerDNS(query)
		if err != nil {
			return
		}
		conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	}
}

func answerDNS(query []byte) ([]byte, error) {
	var message dnsmessage.Message
	if err := message.Unpack(query); err != nil {
		return nil, err
	}
	message.Response, message.Additionals = true, nil
	for _, question := range message.Questions {
		if question.Type == dnsmessage.TypeA {
			message.Answers = append(message.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			})
		}
	}
	return message.Pack()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// eventually waits for another process, which tells us nothing when it is ready.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	limit := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatalf("waited for half a minute in vain: %s", what)
		}
	}
}
