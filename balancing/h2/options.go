package h2

import (
	"time"

	"headroom.dev/headroom/balancing/h1"
)

// ServerOptions are the settings of a Server. The zero value of a field means its default.
type ServerOptions struct {
	// Early is what was already read from the connection, the preface or its beginning. It is copied.
	Early []byte
	// Limits bound request heads and trailers; give the same to h1.Request.Parse.
	Limits h1.Limits
	// Memory is what is shared with other connections to receive with. Default: DefaultMemory for each.
	Memory *Memory
	// Malformed, unless nil, is called with the reason for each request that is reset because its head is malformed, so that nobody else
	// learns of it. The goroutine that reads calls it: it must be quick.
	Malformed func(reason string)
	// MaxStreams is how many requests may be open at once, 1 to 10,000. A stream that the client has reset counts until its handler
	// returns (CVE-2023-44487). Default 128, as nginx.
	MaxStreams int
	// PingAfter is the silence after which a client is asked whether it lives; it has as long again to answer. Default 30 s;
	// negative means never.
	PingAfter time.Duration
	// IdleTimeout is how long a connection may have no stream before it is shut down. It also bounds the time until the first request.
	// Default 3 min; negative means for ever.
	IdleTimeout time.Duration
	// WriteTimeout is how long one write of at most a few hundred KB may take before the connection counts as dead. Default 30 s.
	WriteTimeout time.Duration
}

// ClientOptions are the settings of a Client. The zero value of a field means its default.
type ClientOptions struct {
	// Scheme is what :scheme says. Default "http".
	Scheme string
	// Limits bound response heads and trailers; give the same to h1.Response.Parse.
	Limits h1.Limits
	// Memory is what is shared with other connections to receive with. Default: DefaultMemory for each.
	Memory *Memory
	// PingAfter is the silence after which a server is asked whether it lives; it has as long again to answer. Default 30 s;
	// negative means never.
	PingAfter time.Duration
	// WriteTimeout is how long one write of at most a few hundred KB may take before the connection counts as dead. Default 30 s.
	WriteTimeout time.Duration
}

const (
	// DefaultMemory is what windows may grow by in all, where nothing else is said: 256 MB, of which 32 connections have 5 MB each.
	DefaultMemory = 256 << 20

	defaultMaxStreams   = 128
	mostMaxStreams      = 10_000
	defaultPingAfter    = 30 * time.Second
	defaultIdleTimeout  = 3 * time.Minute
	defaultWriteTimeout = 30 * time.Second
)

func (o ServerOptions) withDefaults() ServerOptions {
	o.Limits = limitsWithDefaults(o.Limits)
	if o.Memory == nil {
		o.Memory = NewMemory(DefaultMemory)
	}
	if o.MaxStreams <= 0 {
		o.MaxStreams = defaultMaxStreams
	}
	o.MaxStreams = min(o.MaxStreams, mostMaxStreams)
	o.PingAfter = orDefault(o.PingAfter, defaultPingAfter)
	o.IdleTimeout = orDefault(o.IdleTimeout, defaultIdleTimeout)
	o.WriteTimeout = orDefault(o.WriteTimeout, defaultWriteTimeout)
	return o
}

func (o ClientOptions) withDefaults() ClientOptions {
	o.Limits = limitsWithDefaults(o.Limits)
	if o.Memory == nil {
		o.Memory = NewMemory(DefaultMemory)
	}
	if o.Scheme == "" {
		o.Scheme = "http"
	}
	o.PingAfter = orDefault(o.PingAfter, defaultPingAfter)
	o.WriteTimeout = orDefault(o.WriteTimeout, defaultWriteTimeout)
	return o
}

// orDefault gives the default for 0, and 0, which means never from here on, for anything negative.
func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return max(d, 0)
}

// limitsWithDefaults fills in the defaults of h1.Limits, which that package does not give away.
func limitsWithDefaults(l h1.Limits) h1.Limits {
	if l.Head <= 0 {
		l.Head = 64 << 10
	}
	if l.Fields <= 0 {
		l.Fields = 100
	}
	return l
}
