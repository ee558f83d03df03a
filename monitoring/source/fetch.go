package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// atOnce is how many readings of one server are under way together, and so the size of its pool of connections.
	atOnce = 8
	// mostBytes of an answer are read: a document with one number in it has kilobytes, a query with 10,000 series about 2 MB.
	mostBytes = 4 << 20
)

// newClient makes the client of all readers: it has one pool of connections for each server.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		MaxConnsPerHost:        atOnce,
		MaxIdleConnsPerHost:    atOnce,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 1 << 20,
	}}
}

// fetch reads the body of an answer. Answers without success are returned with their status too, since APIs say in them what is wrong.
func fetch(ctx context.Context, client *http.Client, address string, headers map[string]string) (body []byte, status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "headroom")
	for name, value := range headers {
		if strings.EqualFold(name, "Host") {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, short(err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, mostBytes+1))
	if err != nil {
		return nil, response.StatusCode, short(err)
	}
	if len(body) > mostBytes {
		return nil, response.StatusCode, fmt.Errorf("the answer has more than %d MiB", mostBytes>>20)
	}
	return body, response.StatusCode, nil
}

// short leaves out of an error what the user has configured and knows.
func short(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("there was no complete answer before its timeout")
	}
	var asked *url.Error
	if errors.As(err, &asked) {
		return asked.Err
	}
	return err
}
