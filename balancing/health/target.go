package health

import (
	"context"
	"crypto/tls"
	"fmt"
	"reflect"
	"time"

	"headroom.dev/headroom"
)

// Target is one backend to be checked, and how it is reached: as requests reach it, so that what is checked is what they will meet.
type Target struct {
	ID       string // unique
	Address  string // host:port
	Check    headroom.HealthCheck
	Protocol headroom.Protocol // of the service: tells what a check of type auto is
	HTTP2    bool              // HTTP checks go by HTTP/2
	// TLS makes the configuration of a connection to an address; nil is plain TCP. It is asked for each check, so that certificates may
	// change; nil again is plain TCP, where it was turned off meanwhile. What it returns is not changed. Without a ServerName the
	// certificate must be for the host of the address.
	TLS           func(address string) *tls.Config
	ProxyProtocol string // v1 or v2: connections begin with a PROXY header, of checks one that tells no client; else none
}

// same reports whether two checks of one address are the same, as far as can be told.
func (t Target) same(other Target) bool {
	return reflect.DeepEqual(t.Check, other.Check) && t.Protocol == other.Protocol && t.HTTP2 == other.HTTP2 && (t.TLS == nil) == (other.TLS == nil) &&
		t.ProxyProtocol == other.ProxyProtocol
}

// kind is the type of the check, auto resolved.
func (t Target) kind() headroom.HealthCheckType {
	kind := t.Check.Type
	if kind != "" && kind != headroom.HealthCheckAuto {
		return kind
	}
	if t.Protocol == headroom.ProtocolTCP {
		return headroom.HealthCheckTCP
	}
	return headroom.HealthCheckHTTP
}

// scheme is http or https.
func (t Target) scheme() string {
	if t.TLS == nil {
		return "http"
	}
	return "https"
}

// Probe checks the target once, within Check.Timeout. It returns nil when it is well: by HTTP when a GET of Check.Path is answered with
// a status from 200 to 399, or as the check's conditions have it, by a command when it ends with status 0, by gRPC when grpc.health.v1 says SERVING, by TCP when the connection, and TLS where the target has it, is
// accepted; and where the check is disabled when a connection is accepted. Redirects are not followed: a server that redirects its
// health path to a login page is up. Each check takes a connection of its own, since a process that can answer on an old one but accept
// no new ones is not well. The error is a *AnswerError for a wrong answer, and otherwise says what was attempted.
func (t Target) Probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(t.Check.Timeout))
	defer cancel()
	if !t.Check.Enabled {
		t.TLS = nil
		return t.probeTCP(ctx)
	}
	switch t.kind() {
	case headroom.HealthCheckTCP:
		return t.probeTCP(ctx)
	case headroom.HealthCheckGRPC:
		return t.probeGRPC(ctx)
	case headroom.HealthCheckCommand:
		return t.probeCommand(ctx)
	}
	return t.probeHTTP(ctx)
}

func (t Target) probeTCP(ctx context.Context) error {
	conn, err := t.connect(ctx, "")
	if err != nil {
		return fmt.Errorf("connect to %s: %w", t.Address, t.explain(ctx, err))
	}
	return conn.Close()
}

// explain names the timeout, of which the connection itself only knows that it was closed.
func (t Target) explain(ctx context.Context, err error) error {
	if ctx.Err() == context.DeadlineExceeded {
		return fmt.Errorf("no answer within the timeout of %v", t.Check.Timeout)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
