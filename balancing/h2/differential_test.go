package h2_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/h2"
)

// sizes of bodies: nothing, one byte, around a frame, around the first stream window, and beyond the connection's.
var sizes = []int{0, 1, 100, 16383, 16384, 16385, 65535, 65536, 256<<10 - 1, 256 << 10, 256<<10 + 1, 1 << 20, 9 << 20}

// pattern is a body in which every part differs from the one 16 KB before.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := 0; i < n; i += 4 {
		copy(b[i:], []byte{byte(i), byte(i >> 8), byte(i >> 16), 7})
	}
	return b
}

// stdClient is net/http's client with HTTP/2 only.
func stdClient(t testing.TB, secure bool) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	if secure {
		protocols.SetHTTP2(true)
	} else {
		protocols.SetUnencryptedHTTP2(true)
	}
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// stdServer is net/http's server, with HTTP/2 without TLS.
func stdServer(t testing.TB, handler http.HandlerFunc) (address string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// dial gives a Client, which ends with the test.
func dial(t testing.TB, address string, options h2.ClientOptions) *h2.Client {
	t.Helper()
	netConn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	client, err := h2.NewClient(netConn, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); <-client.Done() })
	return client
}

func readAll(s *h2.Stream) ([]byte, error) {
	var body []byte
	for {
		part, err := s.Next()
		body = append(body, part...)
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return body, err
		}
	}
}

func TestStandardClientEchoesBodiesOfAllSizes(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", secure), func(t *testing.T) {
			t.Parallel()
			scheme := map[bool]string{false: "http://", true: "https://"}[secure]
			address := scheme + serve(t, secure, h2.ServerOptions{}, echo)
			client := stdClient(t, secure)
			for _, size := range sizes {
				for _, known := range []bool{true, false} {
					body := pattern(size)
					var reader io.Reader = bytes.NewReader(body)
					if !known {
						reader = io.MultiReader(reader) // net/http does not know its length
					}
					request, _ := http.NewRequest("POST", address+"/echo?q=1", reader)
					request.Trailer = http.Header{"Checksum": nil}
					if !known {
						request.Trailer.Set("Checksum", "abc")
					}
					response, err := client.Do(request)
					if err != nil {
						t.Fatalf("%d bytes: %v", size, err)
					}
					got, err := io.ReadAll(response.Body)
					response.Body.Close()
					if err != nil {
						t.Fatalf("%d bytes: %v", size, err)
					}
					if size == 0 && known {
						body = []byte("0123456789abcdef")
					}
					if !bytes.Equal(got, body) {
						t.Fatalf("%d bytes, known %v: got %d bytes, which differ", size, known, len(got))
					}
					if want := map[bool]string{false: "abc"}[known]; response.Trailer.Get("Checksum") != want {
						t.Fatalf("%d bytes, known %v: trailer %q, want %q", size, known, response.Trailer.Get("Checksum"), want)
					}
				}
			}
		})
	}
}

func TestClientEchoesBodiesOfAllSizesFromStandardServer(t *testing.T) {
	address := stdServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Checksum")
		io.Copy(w, r.Body)
		w.Header().Set("Checksum", r.Trailer.Get("Sum"))
	})
	client := dial(t, address, h2.ClientOptions{})
	for _, size := range sizes {
		for _, known := range []bool{true, false} {
			body := pattern(size)
			s, err := client.Open()
			if err != nil {
				t.Fatal(err)
			}
			length := ""
			if known {
				length = "Content-Length: " + strconv.Itoa(size) + "\r\n"
			}
			head := "POST /echo HTTP/1.1\r\nHost: " + address + "\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n" + length + "\r\n"
			if err := s.WriteHead([]byte(head), false); err != nil {
				t.Fatal(err)
			}
			var sending sync.WaitGroup
			sending.Go(func() {
				s.Write(body, known)
				if !known {
					s.WriteTrailers([]byte("sum: 42\r\n"))
				}
				s.Flush()
			})
			raw, err := s.ReadHead()
			if err != nil {
				t.Fatal(err)
			}
			var response h1.Response
			response.Reset(false)
			if _, err := response.Parse(raw, h1.Limits{}); err != nil || response.Status() != 200 {
				t.Fatalf("%d bytes: %v: %q", size, err, raw)
			}
			got, err := readAll(s)
			sending.Wait()
			if err != nil || !bytes.Equal(got, body) {
				t.Fatalf("%d bytes, known %v: got %d, %v", size, known, len(got), err)
			}
			if want := map[bool]string{true: "checksum: \r\n", false: "checksum: 42\r\n"}[known]; string(s.Trailers()) != want {
				t.Fatalf("trailers %q, want %q", s.Trailers(), want)
			}
			s.Close()
		}
	}
}

// TestHeadsComeOverAsTheyWere sends the same request by net/http's client to our server and by ours to net/http's.
func TestHeadsComeOverAsTheyWere(t *testing.T) {
	t.Run("server", func(t *testing.T) {
		heads := make(chan string, 1)
		address := serve(t, false, h2.ServerOptions{}, func(s *h2.Stream) {
			heads <- string(s.Head())
			echo(s)
		})
		request, _ := http.NewRequest("GET", "http://"+address+"/a/b%20c?x=y&z", nil)
		request.Host = "example.org:81"
		request.Header = http.Header{"X-One": {"1", "2"}, "Cookie": {"a=b; c=d; e=f"}, "User-Agent": {"test"}, "Accept-Encoding": {"gzip"}}
		response, err := stdClient(t, false).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		got := <-heads
		// net/http sends the fields in the order of a map, and the cookie in crumbs.
		for _, want := range []string{"GET /a/b%20c?x=y&z HTTP/1.1\r\nhost: example.org:81\r\n", "\r\nx-one: 1\r\n", "\r\nx-one: 2\r\n",
			"\r\ncookie: a=b; c=d; e=f\r\n\r\n", "\r\nuser-agent: test\r\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("head %q lacks %q", got, want)
			}
		}
		if strings.Contains(got, "transfer-encoding") || strings.Contains(got, "content-length") {
			t.Errorf("head %q announces a body", got)
		}
	})
	t.Run("client", func(t *testing.T) {
		requests := make(chan *http.Request, 1)
		address := stdServer(t, func(w http.ResponseWriter, r *http.Request) {
			requests <- r
			w.Header()["Date"] = nil
			w.Header().Set("X-Answer", "yes")
			w.WriteHeader(http.StatusAccepted)
		})
		client := dial(t, address, h2.ClientOptions{})
		for range 3 { // the second and third time from the table
			s, err := client.Open()
			if err != nil {
				t.Fatal(err)
			}
			head := "PUT /a/b%20c?x=y&z HTTP/1.1\r\nHost: example.org:81\r\nX-One: 1\r\nx-one: 2\r\nX-Empty:\r\nTE: trailers, gzip\r\nConnection: x\r\n" +
				"Keep-Alive: 5\r\nProxy-Connection: y\r\nUpgrade: h2c\r\nHTTP2-Settings: z\r\nTransfer-Encoding: chunked\r\nUser-Agent:  test \r\n\r\n"
			if err := s.WriteHead([]byte(head), true); err != nil {
				t.Fatal(err)
			}
			raw, err := s.ReadHead()
			if want := "HTTP/1.1 202 Accepted\r\nx-answer: yes\r\ncontent-length: 0\r\n\r\n"; err != nil || string(raw) != want {
				t.Errorf("head %q, %v, want %q", raw, err, want)
			}
			r := <-requests
			want := http.Header{"X-One": {"1", "2"}, "X-Empty": {""}, "User-Agent": {"test"}}
			if r.Method != "PUT" || r.RequestURI != "/a/b%20c?x=y&z" || r.Host != "example.org:81" || fmt.Sprint(r.Header) != fmt.Sprint(want) {
				t.Errorf("got %s %s host %s, %v, want %v", r.Method, r.RequestURI, r.Host, r.Header, want)
			}
			s.Close()
		}
	})
}

func TestResponsesWithoutBodyAreFramedAsHTTP1Would(t *testing.T) {
	address := stdServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil
		status, _ := strconv.Atoi(r.URL.Query().Get("status"))
		if r.Method == "HEAD" {
			w.Header().Set("Content-Length", "1000")
		}
		w.WriteHeader(status)
	})
	client := dial(t, address, h2.ClientOptions{})
	for _, test := range []struct{ method, status, want string }{
		{"HEAD", "200", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"},
		{"GET", "204", "HTTP/1.1 204 No Content\r\n\r\n"},
		{"GET", "304", "HTTP/1.1 304 Not Modified\r\n\r\n"},
		{"GET", "200", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"},
		{"GET", "599", "HTTP/1.1 599 \r\ncontent-length: 0\r\n\r\n"},
	} {
		s, err := client.Open()
		if err != nil {
			t.Fatal(err)
		}
		s.WriteHead([]byte(test.method+" /?status="+test.status+" HTTP/1.1\r\nHost: a\r\n\r\n"), true)
		raw, err := s.ReadHead()
		if err != nil || string(raw) != test.want {
			t.Errorf("%s %s: %q, %v, want %q", test.method, test.status, raw, err, test.want)
		}
		if body, err := readAll(s); err != nil || len(body) > 0 {
			t.Errorf("%s %s: body %q, %v", test.method, test.status, body, err)
		}
		s.Close()
	}
}

func TestInterimResponsesComeBeforeTheFinalOne(t *testing.T) {
	t.Run("from a standard server", func(t *testing.T) {
		address := stdServer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a>")
			w.WriteHeader(103)
			w.WriteHeader(200)
			io.WriteString(w, "body")
		})
		s, _ := dial(t, address, h2.ClientOptions{}).Open()
		defer s.Close()
		s.WriteHead([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), true)
		for _, want := range []string{"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", "HTTP/1.1 200 OK\r\n"} {
			if head, err := s.ReadHead(); err != nil || !strings.HasPrefix(string(head), want) {
				t.Errorf("head %q, %v, want %q", head, err, want)
			}
		}
		if _, err := s.ReadHead(); err != io.EOF {
			t.Errorf("after the final head: %v, want io.EOF", err)
		}
	})
	t.Run("to a standard client", func(t *testing.T) {
		address := serve(t, false, h2.ServerOptions{}, func(s *h2.Stream) {
			s.WriteHead([]byte("HTTP/1.1 103 Early Hints\r\nlink: </b>\r\n\r\n"), false)
			s.WriteHead([]byte("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), true)
		})
		var link string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			link = fmt.Sprint(code, header.Get("Link"))
			return nil
		}}
		request, _ := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), "GET", "http://"+address, nil)
		response, err := stdClient(t, false).Do(request)
		if err != nil || response.StatusCode != 200 || link != "103</b>" {
			t.Fatalf("%v, %v, interim %q", response, err, link)
		}
	})
}
