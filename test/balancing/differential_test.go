package balancing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"headroom.dev/headroom/balancing/h1"
)

// prophecy is what our parser says of a stream: the requests in it, and what comes behind them.
type prophecy struct {
	requests []understood
	refusal  int  //  the status of the answer to what comes next, 0 for none
	partial  bool // what comes next is a request whose body is refused or does not end, so that a part of it may be sent on
	open     bool // the stream ends where a request could begin or go on
}

func prophesy(wire []byte) (p prophecy) {
	var r h1.Reader
	var request h1.Request
	var body h1.Body
	r.Reset(bytes.NewReader(wire), make([]byte, h1.MinBuffer), h1.Limits{})
	for {
		err := r.ReadRequest(&request)
		if err != nil {
			p.end(err)
			return p
		}
		line, _, _ := strings.Cut(string(request.AppendHead(nil, nil, 0)), " HTTP/1.1\r\n")
		method, target, _ := strings.Cut(line, " ")
		persistent := request.Persistent()
		body.Reset(&r, request.Framing())
		var content []byte
		for err == nil {
			var data []byte
			data, err = body.Next()
			content = append(content, data...)
		}
		if err != io.EOF {
			p.partial = true
			p.end(err)
			return p
		}
		p.requests = append(p.requests, understood{method, oneSlash(target), string(content)})
		if !persistent {
			return p
		}
	}
}

func (p *prophecy) end(err error) {
	if err == h1.ErrNotHTTP && len(p.requests) == 0 {
		return // another protocol is closed without an answer
	}
	var refused *h1.Error
	if errors.As(err, &refused) {
		p.refusal = refused.Status
		return
	}
	p.open = true
}

// streamCount is how many mutated streams are sent to each origin; HEADROOM_STREAMS sets another number, and HEADROOM_SEED
// repeats those of a run that failed.
const streamCount = 2000

func TestOriginsReadWhatWeSendOnAsWeCountIt(t *testing.T) {
	for name, start := range map[string]func(*testing.T, *recorder) string{
		"net/http": func(_ *testing.T, r *recorder) string { return r.addr },
		"nginx":    startNginx,
		"Apache":   startApache,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder(t)
			d := &differential{recorder: r, balancer: balance(t, [][]string{{start(t, r)}})}
			d.run(t)
		})
	}
}

// differential sends streams through a balancer to one origin.
type differential struct {
	*balancer
	recorder *recorder
	counts   struct{ streams, requests, recorded, judged, refused, unanswered int }
}

func (d *differential) run(t *testing.T) {
	count, seed := streamCount, rand.Uint64()
	for variable, set := range map[string]func(int){
		"HEADROOM_STREAMS": func(n int) { count = n },
		"HEADROOM_SEED":    func(n int) { seed = uint64(n) },
	} {
		text := os.Getenv(variable)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
		set(n)
	}
	seed >>= 1 // fits what HEADROOM_SEED takes
	for i := range count {
		wire := newMutator(seed, uint64(i)).stream()
		if err := d.send(wire); err != nil {
			t.Errorf("HEADROOM_SEED=%d, stream %d, %q: %v", seed, i, wire, err)
		}
		if t.Failed() {
			return
		}
	}
	c := d.counts
	t.Logf("of %d streams %d good requests and %d refused ones; of the good %d recorded as counted, %d refused by the origin, %d not answered",
		c.streams, c.requests, c.refused, c.recorded, c.judged, c.unanswered)
	if c.recorded < c.streams/2 || c.refused < c.streams/10 {
		t.Errorf("too few streams say anything: of %d, %d requests were recorded and %d refused", c.streams, c.recorded, c.refused)
	}
	if c.unanswered > c.streams/50 {
		t.Errorf("%d of %d requests found no answer", c.unanswered, c.requests)
	}
}

// send sends one stream and compares what is answered and recorded with what our parser says of it.
func (d *differential) send(wire []byte) error {
	if stray, _ := d.recorder.take(); len(stray) > 0 {
		return fmt.Errorf("the stream before this one has left requests that nobody waited for: %q", stray)
	}
	want := prophesy(wire)
	c, err := dial(d.listens[0])
	if err != nil {
		return err
	}
	defer c.Close()
	var sent sync.WaitGroup
	sent.Go(func() { c.Write(wire) })
	defer sent.Wait()
	defer c.Close()
	d.counts.streams++
	d.counts.requests += len(want.requests)
	var stamped []understood // requests whose response has their stamp
	for i, request := range want.requests {
		r, err := d.final(c, request.method)
		if err != nil {
			return fmt.Errorf("request %d of %d got no response: %w", i+1, len(want.requests), err)
		}
		stamp := r.header.Get("X-Stamp")
		switch {
		case stamp != "" && stamp != request.stamp():
			return fmt.Errorf("request %d: the origin says %q, we say %q", i+1, stamp, request.stamp())
		case stamp != "":
			stamped = append(stamped, request)
		case r.status >= 502 && r.status <= 504:
			d.counts.unanswered++
		case r.status >= 400 || request.method == "OPTIONS":
			d.counts.judged++ // the origin does not like what we let pass, such as a method that it does not know
		default:
			return fmt.Errorf("request %d: answered with %d by nobody", i+1, r.status)
		}
		if r.closes {
			return d.compare(stamped)
		}
	}
	if err := d.rest(c, want); err != nil {
		return err
	}
	return d.compare(stamped)
}

// final reads the next response that is not interim.
func (d *differential) final(c *client, method string) (response, error) {
	for {
		r, err := c.response(method)
		if err == nil {
			err = r.broken
		}
		if err != nil || r.status >= 200 {
			return r, err
		}
	}
}

// rest reads what comes behind the good requests: a refusal where our parser refuses, and the end.
func (d *differential) rest(c *client, want prophecy) error {
	if want.open {
		c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	}
	if want.refusal > 0 {
		d.counts.refused++
		r, err := d.final(c, "GET")
		if want.partial {
			return nil // the origin may have answered before the bad part came
		}
		if err != nil || r.status != want.refusal || !r.closes {
			return fmt.Errorf("the refusal is %d, close %v, %v; want %d", r.status, r.closes, err, want.refusal)
		}
	}
	if want.partial {
		return nil
	}
	return c.closed()
}

// compare holds what was recorded against the requests whose responses came back.
func (d *differential) compare(stamped []understood) error {
	log, odd := d.recorder.take()
	if len(odd) > 0 {
		return fmt.Errorf("requests have come to the origin past the balancer: %q", odd)
	}
	if len(log) != len(stamped) {
		return fmt.Errorf("the origin has recorded %d requests, we counted %d: %q and %q", len(log), len(stamped), log, stamped)
	}
	for i := range log {
		if log[i] != stamped[i] {
			return fmt.Errorf("request %d is recorded as %q, counted as %q", i+1, log[i], stamped[i])
		}
	}
	d.counts.recorded += len(log)
	return nil
}
