// Package client calls headroom's API. The command line uses it; it is as good for other Go programs.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"headroom.dev/headroom/api"
)

// Client calls the API of one headroom. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// New returns a client of the API at a base URL such as http://127.0.0.1:7070; HOST:PORT alone is taken as HTTP. The
// token is empty where headroom listens on loopback without one.
func New(baseURL, token string) (*Client, error) {
	if !strings.Contains(baseURL, "://") {
		baseURL = "http://" + baseURL
	}
	base, err := url.Parse(strings.TrimRight(baseURL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the address of an API: write it as http://127.0.0.1:7070", baseURL)
	}
	transport := &http.Transport{
		Proxy:                 nil, // the API is on this machine or in this network
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		IdleConnTimeout:       time.Minute,
	}
	return &Client{base: base, token: token, http: &http.Client{Transport: transport}}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Error is what the API refused a request with.
type Error struct {
	api.Problem
}

// Error returns what was wrong.
func (e *Error) Error() string { return e.Detail }

// Hint returns what to do about it.
func (e *Error) Hint() string { return e.Problem.Hint }

// UnreachableError says that no API answered.
type UnreachableError struct {
	Address string
	Err     error
}

func (e *UnreachableError) Error() string {
	if errors.Is(e.Err, syscall.ECONNREFUSED) {
		return "headroom does not run at " + e.Address
	}
	return fmt.Sprintf("headroom at %s cannot be reached: %v", e.Address, e.Err)
}

// Hint returns what to do about it.
func (e *UnreachableError) Hint() string {
	if errors.Is(e.Err, syscall.ECONNREFUSED) {
		return "start it with `headroom run`, or name the address of another one"
	}
	return "check the address and the network, and try again"
}

// Unwrap returns the error of the network.
func (e *UnreachableError) Unwrap() error { return e.Err }

// call is one request.
type call struct {
	method string
	path   string
	query  url.Values
	body   any
	accept string // application/json where empty
	header http.Header
}

// maxAnswer is far above any answer of the API (1000 decisions have 3 MB).
const maxAnswer = 64 << 20

// do sends a request and reads its answer into the value that into points to: a *[]byte gets it as it is.
func (c *Client) do(ctx context.Context, one call, into any) error {
	response, err := c.send(ctx, one)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return &UnreachableError{c.base.String(), fmt.Errorf("read the answer: %w", err)}
	}
	switch into := into.(type) {
	case nil:
		return nil
	case *[]byte:
		*into = body
		return nil
	default:
		if err := json.Unmarshal(body, into); err != nil {
			return fmt.Errorf("%s %s: the answer is not as expected: %w", one.method, one.path, err)
		}
		return nil
	}
}

// Change is how a change is made.
type Change struct {
	DryRun  bool   // check all and answer as if, but change nothing
	Reason  string // why, for the audit log
	IfMatch string // the version of what is changed that the change is meant for; empty is any
}

// mutate sends a change. It carries a random Idempotency-Key, so that it can be repeated where the connection breaks
// before the answer: the API carries it out once. A dry run changes nothing.
func (c *Client) mutate(ctx context.Context, one call, how Change, into any) error {
	one.header, one.query = http.Header{"Idempotency-Key": {rand.Text()}}, url.Values{}
	if how.DryRun {
		one.query.Set("dryRun", "true")
	}
	if how.Reason != "" {
		one.query.Set("reason", how.Reason)
	}
	if how.IfMatch != "" {
		one.header.Set("If-Match", `"`+how.IfMatch+`"`)
	}
	const attempts = 3
	for attempt := 1; ; attempt++ {
		err := c.do(ctx, one, into)
		var unreachable *UnreachableError
		if !errors.As(err, &unreachable) || errors.Is(err, syscall.ECONNREFUSED) || attempt == attempts {
			return err
		}
		if !wait(ctx, time.Duration(attempt)*200*time.Millisecond) {
			return err
		}
	}
}

// send returns an answer with a status below 400; any other becomes an error.
func (c *Client) send(ctx context.Context, one call) (*http.Response, error) {
	target := c.base.String() + one.path
	if len(one.query) > 0 {
		target += "?" + one.query.Encode()
	}
	var body io.Reader
	if one.body != nil {
		data, err := json.Marshal(one.body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, one.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	for name, values := range one.header {
		request.Header[name] = values
	}
	request.Header.Set("Accept", "application/json")
	if one.accept != "" {
		request.Header.Set("Accept", one.accept)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err // the address is told by UnreachableError
		}
		return nil, &UnreachableError{c.base.String(), err}
	}
	if response.StatusCode >= http.StatusBadRequest {
		defer response.Body.Close()
		return nil, errorOf(response)
	}
	return response, nil
}

// errorOf reads a problem. Something else than headroom may have answered, without one.
func errorOf(response *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	failure := &Error{}
	if err := json.Unmarshal(body, &failure.Problem); err != nil || failure.Code == "" {
		failure.Problem = api.Problem{
			Title: http.StatusText(response.StatusCode), Code: "not-headroom",
			Detail: "the server answered " + response.Status + " without saying why",
			Hint:   "check that the address is headroom's API, not a service behind its balancer",
		}
	}
	failure.Status = response.StatusCode
	return failure
}

// wait reports whether the time has passed before the context ended.
func wait(ctx context.Context, length time.Duration) bool {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
