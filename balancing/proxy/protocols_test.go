package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// echo answers with the request's body, of a length that it tells if the query says so.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Got-Length", strconv.FormatInt(r.ContentLength, 10))
	if r.URL.Query().Has("known") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
		return
	}
	http.NewResponseController(w).EnableFullDuplex()
	http.NewResponseController(w).Flush()
	if _, err := io.Copy(w, r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// unsized hides the length of a reader from net/http.
type unsized struct{ io.Reader }

func TestBodiesOfAnySizeGoBothWays(t *testing.T) {
	random := make([]byte, 5<<20)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	everyWay(t, func(t *testing.T, front, back wire) {
		w := between(t, front, back, echo)
		for _, size := range []int{0, 1, 8 << 10, 8<<10 + 1, 16 << 10, 70_000, 5 << 20} {
			for _, known := range []bool{true, false} {
				r := w.ask("POST", map[bool]string{true: "/?known", false: "/"}[known], "")
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(random[:size])), int64(size)
				if size == 0 {
					r.Body = http.NoBody
				}
				if !known {
					r.Body, r.ContentLength = io.NopCloser(unsized{bytes.NewReader(random[:size])}), -1
				}
				res := w.do(r)
				body, err := io.ReadAll(res.Body)
				if err != nil || res.StatusCode != 200 || !bytes.Equal(body, random[:size]) {
					t.Errorf("size %d, known %v: status %d, %d bytes back, %v", size, known, res.StatusCode, len(body), err)
				}
				want := int64(-1)
				if known {
					want = int64(size)
				}
				if res.ContentLength != want && size > 0 || res.Header.Get("Got-Length") != fmt.Sprint(want) {
					t.Errorf("size %d, known %v: backend was told %s, client %d, want %d", size, known, res.Header.Get("Got-Length"), res.ContentLength, want)
				}
			}
		}
	})
}

func TestTrailersGoBothWays(t *testing.T) {
	everyWay(t, func(t *testing.T, front, back wire) {
		for _, size := range []int{0, 5, 100_000} {
			w := between(t, front, back, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Trailer", "Sum")
				body, _ := io.ReadAll(r.Body)
				w.Write(body)
				w.Header().Set("Sum", r.Trailer.Get("Sent"))
			})
			r := w.ask("POST", "/", "")
			r.Body, r.ContentLength = io.NopCloser(unsized{strings.NewReader(strings.Repeat("x", size))}), -1
			r.Trailer = http.Header{"Sent": {"42"}}
			res := w.do(r)
			body, err := io.ReadAll(res.Body)
			if err != nil || len(body) != size || res.Trailer.Get("Sum") != "42" {
				t.Errorf("%d bytes of %d, %v, trailer %v", len(body), size, err, res.Trailer)
			}
		}
	})
}

// HTTP/2 allows trailers behind a body whose length was told (RFC 9113 section 8.1); gRPC-Web servers and checksums use it.
func TestTrailersFollowABodyOfKnownLengthOverHTTP2(t *testing.T) {
	h2c := wire{http2: true}
	w := between(t, h2c, h2c, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Sum")
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "whole")
		w.Header().Set("Sum", "42")
	})
	res := w.do(w.ask("GET", "/", ""))
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "whole" || res.ContentLength != 5 || res.Trailer.Get("Sum") != "42" {
		t.Errorf("got %q (%d), %v, trailer %v", body, res.ContentLength, err, res.Trailer)
	}
}

func TestResponsesWithoutBodyHaveNone(t *testing.T) {
	everyWay(t, func(t *testing.T, front, back wire) {
		w := between(t, front, back, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/204":
				w.WriteHeader(204)
			case "/304":
				w.Header().Set("Etag", `"a"`)
				w.WriteHeader(304)
			default:
				w.Header().Set("Content-Length", "1234")
				if r.Method != "HEAD" {
					w.Write(make([]byte, 1234))
				}
			}
		})
		for _, c := range []struct {
			method, path string
			status       int
			length       int64
		}{{"HEAD", "/", 200, 1234}, {"GET", "/204", 204, 0}, {"GET", "/304", 304, 0}, {"HEAD", "/204", 204, 0}, {"GET", "/", 200, 1234}} {
			res := w.do(w.ask(c.method, c.path, ""))
			body, err := io.ReadAll(res.Body)
			wholesome := len(body) == 0
			if c.method == "GET" && c.status == 200 {
				wholesome = len(body) == 1234
			}
			if err != nil || res.StatusCode != c.status || !wholesome || c.length > 0 && res.ContentLength != c.length {
				t.Errorf("%s %s: %d, length %d, %d bytes, %v", c.method, c.path, res.StatusCode, res.ContentLength, len(body), err)
			}
		}
	})
}

func TestInterimResponsesComeBeforeTheFinalOne(t *testing.T) {
	everyWay(t, func(t *testing.T, front, back wire) {
		hinted := make(chan struct{})
		w := between(t, front, back, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(103)
			<-hinted // the final response waits until the client has the interim one
			ok(w, r)
		})
		r := w.ask("GET", "/", "")
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code != 103 || h.Get("Link") == "" {
				t.Errorf("got %d %v", code, h)
			}
			close(hinted)
			return nil
		}}))
		res := w.do(r)
		if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 || string(body) != "ok" {
			t.Errorf("got %d %q", res.StatusCode, body)
		}
	})
}

func TestBodyWaitsForContinue(t *testing.T) {
	everyWay(t, func(t *testing.T, front, back wire) {
		w := between(t, front, back, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/no" {
				w.Header().Set("Connection", "close")
				w.WriteHeader(403)
				return
			}
			echo(w, r)
		})
		for path, status := range map[string]int{"/?known": 200, "/no": 403} {
			for _, size := range []int{3, 100_000} {
				r := w.ask("POST", path, strings.Repeat("x", size))
				r.Header.Set("Expect", "100-continue")
				res := w.do(r)
				body, err := io.ReadAll(res.Body)
				if err != nil || res.StatusCode != status || status == 200 && len(body) != size {
					t.Errorf("%s, %d bytes: %d, %d bytes, %v", path, size, res.StatusCode, len(body), err)
				}
			}
		}
	})
}

// A response that comes before the request's body is whole reaches the client, and ends the upload.
func TestEarlyResponseEndsTheUpload(t *testing.T) {
	everyWay(t, func(t *testing.T, front, back wire) {
		w := between(t, front, back, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(413)
			io.WriteString(w, "too much")
		})
		body, stop := io.Pipe()
		defer stop.Close()
		go func() {
			for {
				if _, err := stop.Write(make([]byte, 10_000)); err != nil {
					return
				}
			}
		}()
		r := w.ask("POST", "/", "")
		r.Body, r.ContentLength = body, -1
		res, err := w.client.Do(r)
		if err != nil {
			if !front.http2 {
				return // net/http's HTTP/1 client may see its own write fail first, and then hides the response
			}
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got, _ := io.ReadAll(res.Body); res.StatusCode != 413 || string(got) != "too much" {
			t.Errorf("got %d %q", res.StatusCode, got)
		}
		settled(t, w.server)
	})
}

// A client that leaves, whatever is under way, ends the request on the backend at once.
func TestClientOfAnyProtocolThatLeavesFreesTheBackend(t *testing.T) {
	everyWay(t, func(t *testing.T, front, back wire) {
		entered, left := make(chan struct{}, 1), make(chan error, 1)
		w := between(t, front, back, func(w http.ResponseWriter, r *http.Request) {
			entered <- struct{}{}
			switch r.URL.Path {
			case "/wait":
				<-r.Context().Done()
				left <- nil
			case "/up":
				_, err := io.Copy(io.Discard, r.Body)
				left <- err
			case "/down":
				w.WriteHeader(200)
				http.NewResponseController(w).Flush()
				<-r.Context().Done()
				left <- nil
			}
		})
		for _, path := range []string{"/wait", "/up", "/down"} {
			ctx, cancel := context.WithCancel(context.Background())
			r := w.ask("GET", path, "").WithContext(ctx)
			body, feed := io.Pipe()
			if path == "/up" {
				r.Method, r.Body, r.ContentLength = "POST", body, -1
				go feed.Write([]byte("some"))
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				if res, err := w.client.Do(r); err == nil {
					io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			}()
			<-entered
			cancel()
			err := <-left
			if path == "/up" && err == nil {
				t.Errorf("the backend takes the upload of a client that left for whole")
			}
			feed.Close()
			<-done
			settled(t, w.server)
		}
	})
}

func TestBackendThatBreaksBeforeItsHeadIsAnsweredFor(t *testing.T) {
	everyWay(t, func(t *testing.T, front, back wire) {
		w := between(t, front, back, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		for _, method := range []string{"GET", "POST"} {
			res := w.do(w.ask(method, "/", "body"))
			if body, _ := io.ReadAll(res.Body); res.StatusCode != 502 || !strings.Contains(string(body), "requestId") {
				t.Errorf("%s: got %d %s", method, res.StatusCode, body)
			}
		}
	})
}

func TestResponseOfAnyProtocolThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	everyWay(t, func(t *testing.T, front, back wire) {
		w := between(t, front, back, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("known") {
				w.Header().Set("Content-Length", "1000000")
			}
			w.Write(make([]byte, 50_000))
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		for _, path := range []string{"/", "/?known"} {
			res, err := w.client.Do(w.ask("GET", path, ""))
			if err != nil {
				continue
			}
			n, err := io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if err == nil {
				t.Errorf("%s: %d bytes were taken for the whole", path, n)
			}
		}
		settled(t, w.server)
	})
}

// Many requests at once, each with a proof in its body.
func TestManyRequestsAtOnceAreNotMixedUp(t *testing.T) {
	everyWay(t, func(t *testing.T, front, back wire) {
		w := between(t, front, back, echo)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				for j := range 3 {
					want := strings.Repeat(fmt.Sprintf("%d.%d,", i, j), 1+i*j*10)
					res, err := w.client.Do(w.ask("POST", "/?known", want))
					if err != nil {
						t.Error(err)
						return
					}
					got, err := io.ReadAll(res.Body)
					res.Body.Close()
					if err != nil || string(got) != want {
						t.Errorf("%d.%d: %d, %d bytes of %d, %v", i, j, res.StatusCode, len(got), len(want), err)
					}
				}
			})
		}
		wg.Wait()
	})
}
