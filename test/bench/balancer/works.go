//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"headroom.dev/headroom/test/bench/contender"
	"headroom.dev/headroom/test/bench/generator"
	"headroom.dev/headroom/test/bench/origin"
)

// work is something that proxies do.
type work struct {
	name, title string
	kind        contender.Kind
	origin      contender.Kind // that of kind where empty
	reloads     bool
	// check, where there is one, looks at one answer as a whole before anything is measured.
	check func(context.Context, *contender.Contender) error
	// run measures it and writes what it finds into the results of the entrants; spare is to start another proxy with.
	run func(b *bench, ctx context.Context, result *workResult, entrants []*entrant, spare contender.Setup) error
}

func (w work) originKind() contender.Kind {
	if w.origin != "" {
		return w.origin
	}
	return w.kind
}

// works in the order in which they are measured.
func works() []work {
	const frames = 1 << 30 / origin.Frame
	return []work{
		{name: "small", title: "100 B responses, HTTP/1.1 keep-alive", kind: contender.HTTP, run: keepAlive("/100").run},
		{name: "1k", title: "1 KB responses", kind: contender.HTTP, run: keepAlive("/1024").run},
		{name: "16k", title: "16 KB responses", kind: contender.HTTP, run: keepAlive("/16384").run},
		{name: "256k", title: "256 KB responses", kind: contender.HTTP, run: keepAlive("/262144").run},
		{name: "upload", title: "64 KB uploads", kind: contender.HTTP, run: uploads().run},
		{name: "chunked", title: "16 KB chunked responses", kind: contender.HTTP, run: keepAlive("/chunked").run},
		{name: "connect", title: "a new connection for each request", kind: contender.HTTP, run: connects(generator.Plain).run},
		{name: "tls-full", title: "a new TLS 1.3 connection for each request, full handshake", kind: contender.HTTPS,
			run: connects(generator.Full).run},
		{name: "tls-resumed", title: "a new TLS 1.3 connection for each request, resumed", kind: contender.HTTPS,
			run: connects(generator.Resumed).run},
		{name: "http2", title: "100 B responses, HTTP/2 over TLS, 100 streams", kind: contender.HTTPS, run: http2().run},
		{name: "grpc", title: "gRPC unary calls, HTTP/2 on both sides, 100 streams", kind: contender.GRPC, run: grpc().run,
			check: func(ctx context.Context, c *contender.Contender) error {
				return generator.CheckGRPC(ctx, c.Address, method)
			}},
		{name: "idle", title: "10,000 idle keep-alive connections", kind: contender.HTTP, run: idle},
		{name: "websocket", title: "1 GB through a WebSocket", kind: contender.HTTP, origin: contender.TCP, run: tunnel(true, frames)},
		{name: "tcp", title: "1 GB through TCP", kind: contender.TCP, run: tunnel(false, frames)},
		{name: "change", title: "configuration changed each second under load", kind: contender.HTTP, reloads: true, run: change},
	}
}

// connections at once, of HTTP/1.1; streams, of HTTP/2.
const (
	connections = 64
	streams     = 100
)

// method is what gRPC calls ask for.
const method = "/bench.Echo/Call"

func grpcMessage() []byte { return origin.Message() }

const uploadScript = `wrk.method = "POST"
wrk.body = string.rep("x", 65536)
`

// keepAlive asks for a path again and again over connections that stay open.
func keepAlive(path string) requests {
	return requests{
		capacity: func(b *bench, ctx context.Context, c *contender.Contender, d time.Duration) (generator.Capacity, error) {
			return generator.Wrk(ctx, b.loadCore, "http://"+c.Address+path, connections, d)
		},
		latency: func(b *bench, ctx context.Context, c *contender.Contender, rate float64, d time.Duration) (generator.Latency, error) {
			request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, c.Address)
			return generator.Open{Address: c.Address, Request: request, Rate: rate, Time: d, Connections: connections}.Run(ctx)
		},
	}
}

func uploads() requests {
	return requests{
		capacity: func(b *bench, ctx context.Context, c *contender.Contender, d time.Duration) (generator.Capacity, error) {
			return generator.Wrk(ctx, b.loadCore, "http://"+c.Address+"/", connections, d, "-s", b.upload)
		},
		latency: func(b *bench, ctx context.Context, c *contender.Contender, rate float64, d time.Duration) (generator.Latency, error) {
			request := fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 65536\r\n\r\n", c.Address)
			request = append(request, make([]byte, 65536)...)
			return generator.Open{Address: c.Address, Request: request, Rate: rate, Time: d, Connections: connections}.Run(ctx)
		},
	}
}

// connects makes a connection for each request; 32 at once keep a core busy and its queue short.
func connects(handshake generator.Handshake) requests {
	load := func(c *contender.Contender) generator.Connect {
		return generator.Connect{Address: c.Address, Handshake: handshake, Path: "/100"}
	}
	return requests{
		capacity: func(_ *bench, ctx context.Context, c *contender.Contender, d time.Duration) (generator.Capacity, error) {
			return load(c).Capacity(ctx, 32, d)
		},
		latency: func(_ *bench, ctx context.Context, c *contender.Contender, rate float64, d time.Duration) (generator.Latency, error) {
			return load(c).Latency(ctx, rate, d)
		},
	}
}

func http2() requests {
	return overHTTP2(func(b *bench, c *contender.Contender, d time.Duration) generator.H2load {
		return generator.H2load{Cores: b.loadCore, URL: "https://" + c.Address + "/100", Streams: streams, Time: d}
	})
}

func grpc() requests {
	return overHTTP2(func(b *bench, c *contender.Contender, d time.Duration) generator.H2load {
		return generator.H2load{Cores: b.loadCore, URL: "http://" + c.Address + method, Streams: streams, Time: d,
			Args: []string{"-d", b.call, "-H", "content-type: application/grpc", "-H", "te: trailers"}}
	})
}

func overHTTP2(load func(*bench, *contender.Contender, time.Duration) generator.H2load) requests {
	return requests{
		capacity: func(b *bench, ctx context.Context, c *contender.Contender, d time.Duration) (generator.Capacity, error) {
			return load(b, c, d).Capacity(ctx)
		},
		latency: func(b *bench, ctx context.Context, c *contender.Contender, rate float64, d time.Duration) (generator.Latency, error) {
			return load(b, c, d).Latency(ctx, rate, b.dir)
		},
	}
}
