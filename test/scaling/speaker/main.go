// Command speaker is a replica that speaks one protocol and no other, so that whoever reaches it in another way gets no answer. What it
// answers says in which protocol it was asked and by whom, as far as it was told: "HTTP/2.0 of 127.0.0.2".
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"headroom.dev/headroom/balancing/proxyprotocol"
)

func main() {
	port := flag.String("port", "", "port to listen on")
	speaks := flag.String("speaks", "http/1.1", "http/1.1, h2, or tcp: a line, which is answered with a line")
	certificate := flag.String("certificate", "", "PEM file; with one it speaks TLS")
	key := flag.String("key", "", "PEM file of the certificate's private key")
	clients := flag.String("clients", "", "PEM file of the authority whose certificates clients must show")
	proxied := flag.Bool("proxied", false, "connections begin with a PROXY header")
	flag.Parse()

	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", *port))
	if err != nil {
		log.Fatal(err)
	}
	if *proxied {
		listener = headed{listener}
	}
	if *certificate != "" {
		config, err := secure(*certificate, *key, *clients, *speaks)
		if err != nil {
			log.Fatal(err)
		}
		listener = tls.NewListener(listener, config)
	}
	if *speaks == "tcp" {
		log.Fatal(lines(listener))
	}
	server := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintf(w, "%s of %s", r.Proto, host)
	})}
	server.Protocols.SetHTTP1(*speaks == "http/1.1")
	server.Protocols.SetHTTP2(*speaks == "h2" && *certificate != "")
	server.Protocols.SetUnencryptedHTTP2(*speaks == "h2" && *certificate == "")
	log.Fatal(server.Serve(listener))
}

func secure(certificate, key, clients, protocol string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if protocol != "tcp" {
		config.NextProtos = []string{protocol}
	}
	if clients == "" {
		return config, nil
	}
	authority, err := os.ReadFile(clients)
	if err != nil {
		return nil, err
	}
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	config.ClientCAs.AppendCertsFromPEM(authority)
	return config, nil
}

// lines answers each line of each connection.
func lines(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			for scanner := bufio.NewScanner(conn); scanner.Scan(); {
				fmt.Fprintf(conn, "%s over TCP\n", scanner.Text())
			}
		}()
	}
}

// headed takes the PROXY header off each connection, and ends those without.
type headed struct{ net.Listener }

func (l headed) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		behind, err := takeHeader(conn)
		if err == nil {
			return behind, nil
		}
		log.Print(err)
		conn.Close()
	}
}

// behindHeader is a connection whose header was read, and the first bytes after it.
type behindHeader struct {
	net.Conn
	rest   io.Reader
	remote net.Addr
}

func (c behindHeader) Read(b []byte) (int, error) { return c.rest.Read(b) }
func (c behindHeader) RemoteAddr() net.Addr       { return c.remote }

func takeHeader(conn net.Conn) (net.Conn, error) {
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return nil, err
	}
	var buf []byte
	for {
		part := make([]byte, 512)
		n, err := conn.Read(part)
		if err != nil {
			return nil, err
		}
		buf = append(buf, part[:n]...)
		header, size, err := proxyprotocol.Parse(buf)
		if errors.Is(err, proxyprotocol.ErrIncomplete) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c := behindHeader{conn, io.MultiReader(bytes.NewReader(buf[size:]), conn), conn.RemoteAddr()}
		if !header.Local {
			c.remote = net.TCPAddrFromAddrPort(header.Source)
		}
		return c, conn.SetReadDeadline(time.Time{})
	}
}
