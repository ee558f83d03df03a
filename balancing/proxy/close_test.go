package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A connection that is closed with unread input is reset, and what the client had not taken yet is lost.
func TestLastResponseIsNotLostBecauseTheClientSentMore(t *testing.T) {
	const size = 3 << 20 // more than the client's side of the socket holds
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, strings.Repeat("x", size))
	})
	for name, text := range map[string]string{
		"a second request after close":  request("GET /", "Connection: close") + request("GET /"),
		"a line end after the body":     request("POST /", "Connection: close", "Content-Length: 2") + "ab\r\n",
		"pipelined behind a large body": request("POST /", "Connection: close", "Content-Length: 20000") + strings.Repeat("x", 20000) + request("GET /"),
	} {
		_, address := serve(t, o.address())
		c := connect(t, address)
		c.write(text + strings.Repeat("more", 10000))
		res, err := http.ReadResponse(c.in, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		<-time.After(50 * time.Millisecond) // the client is busy with what it has
		if n, err := io.Copy(io.Discard, res.Body); n != size || err != nil {
			t.Errorf("%s: got %d of %d bytes, %v", name, n, size, err)
		}
	}
}

func TestPipelinedRequestsDoNotSpoilTheLastResponseOfADrain(t *testing.T) {
	const size = 3 << 20
	entered, release := make(chan struct{}, 1), make(chan struct{})
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-release
		io.WriteString(w, strings.Repeat("x", size))
	})
	s, address := serve(t, o.address())
	c := connect(t, address)
	c.write(request("GET /"))
	<-entered
	c.write(strings.Repeat(request("GET /next"), 1000))
	apply(t, s) // the listener goes
	close(release)
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(50 * time.Millisecond)
	if n, err := io.Copy(io.Discard, res.Body); n != size || err != nil || !res.Close {
		t.Errorf("got %d of %d bytes, %v, close %v", n, size, err, res.Close)
	}
}

// What a client takes to leave after its answer is no part of the request.
func TestLatencyEndsWithTheLastByte(t *testing.T) {
	s, address := serve(t, refused(t))
	c := connect(t, address)
	c.write(request("GET /", "Connection: close"))
	if res, _ := c.response("GET"); res.StatusCode != 502 {
		t.Errorf("got %d", res.StatusCode)
	}
	// The client stays, while the balancer waits for it to leave.
	settled(t, s)
	if sum := time.Duration(s.Measure(time.Now()).Services[0].Traffic.Latency.Sum); sum > lingerTime/2 {
		t.Errorf("the request took %v", sum)
	}
}
