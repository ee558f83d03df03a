package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Defaults of Options. A timeout of 10 s is what a patient user waits; 2,048 in flight is about what a pair of processes
// on one machine can hold within the usual 4,096 or more open files.
const (
	DefaultTimeout     = 10 * time.Second
	DefaultMaxInFlight = 2048
)

// Options say what to send, when, and how to watch it.
type Options struct {
	// URL of every request, http or https. Required.
	URL string
	// Method of every request; empty is GET.
	Method string
	// Header of every request; Host sets the host, Content-Length is set from Body.
	Header http.Header
	// Body of every request.
	Body []byte

	// Shape of the load. Required.
	Shape Shape
	// Duration ends the load before its shape does; 0 leaves it to the shape. Required when the shape never ends.
	Duration time.Duration
	// Poisson draws the arrivals at random, as those of independent users, in place of evenly.
	Poisson bool
	// Seed makes a Poisson schedule repeatable.
	Seed uint64

	// Timeout of one request, connecting included; 0 is DefaultTimeout.
	Timeout time.Duration
	// MaxInFlight bounds the requests without an answer; arrivals beyond it are dropped and counted. 0 is
	// DefaultMaxInFlight.
	MaxInFlight int

	// Progress is called about once a second, and once more at the end, from one goroutine. It may be nil.
	Progress func(Progress)
	// Dial opens a connection to the server; nil dials the URL's host by TCP.
	Dial func(context.Context) (net.Conn, error)
}

// plan is a checked Options.
type plan struct {
	Options
	end     time.Duration
	request []byte // the whole request as it goes over the wire
	rng     *rand.Rand
}

// check fills in defaults and says what is wrong, naming the field, its value and what was expected.
func (o Options) check() (*plan, error) {
	target, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("load url: %w", err)
	}
	if (target.Scheme != "http" && target.Scheme != "https") || target.Host == "" {
		return nil, fmt.Errorf("load url is %q: expected an address such as http://127.0.0.1:8080/", o.URL)
	}
	if o.Shape == nil {
		return nil, errors.New("load shape is missing: expected a rate such as 50, or steps such as 10s@50,20s@250")
	}
	if o.Duration < 0 {
		return nil, fmt.Errorf("load duration is %v: expected 0 (as long as the shape) or more", o.Duration)
	}
	end := o.Shape.End()
	if o.Duration > 0 && (end == 0 || o.Duration < end) {
		end = o.Duration
	}
	if end == 0 {
		return nil, errors.New("load duration is missing: the shape never ends, so a duration such as 30s is needed")
	}
	if o.Timeout < 0 {
		return nil, fmt.Errorf("load timeout is %v: expected a duration above 0, such as 10s", o.Timeout)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxInFlight < 0 {
		return nil, fmt.Errorf("load maxInFlight is %d: expected 1 or more", o.MaxInFlight)
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = DefaultMaxInFlight
	}
	p := &plan{Options: o, end: min(end, forever)}
	if p.request, p.Method, err = serialize(o, target); err != nil {
		return nil, fmt.Errorf("load request: %w", err)
	}
	if o.Poisson {
		p.rng = rand.New(rand.NewPCG(o.Seed, 0))
	}
	if p.Dial == nil {
		p.Dial = dialer(target)
	}
	return p, nil
}

// serialize writes the request once for all: every one is the same, so none needs building later.
func serialize(o Options, target *url.URL) (wire []byte, method string, err error) {
	request, err := http.NewRequest(o.Method, target.String(), bytes.NewReader(o.Body))
	if err != nil {
		return nil, "", err
	}
	if o.Header != nil {
		request.Header = o.Header.Clone()
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", "headroom-load")
	}
	var buffer bytes.Buffer
	if err := request.Write(&buffer); err != nil {
		return nil, "", err
	}
	return buffer.Bytes(), request.Method, nil
}
