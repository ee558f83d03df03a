package proxy

import (
	"crypto/tls"
	"net/netip"
	"time"

	"headroom.dev/headroom/balancing/accesslog"
	"headroom.dev/headroom/balancing/h1"
)

// AccessLog gets an entry for each request and TCP connection; balancing/accesslog has one.
type AccessLog interface {
	// Enabled reports whether entries are wanted at all.
	Enabled() bool
	// Record must neither wait nor keep anything of the entry.
	Record(e *accesslog.Entry)
	// Dropped is how many entries were lost since the start.
	Dropped() uint64
}

// logged is what of a request's head the access log wants, kept because the head is overwritten by the body.
type logged struct {
	on                                   bool
	kept                                 []byte
	method, host, target, agent, referer int // ends of the parts of kept
	client                               netip.AddrPort
}

// note keeps what the access log wants of the request in req.
func (x *exchange) note() {
	l := &x.logged
	l.on = x.conn.server.logs()
	if !l.on {
		return
	}
	l.kept = append(l.kept[:0], x.req.MethodName()...)
	l.method = len(l.kept)
	l.kept = append(l.kept, x.req.Host()...)
	l.host = len(l.kept)
	l.kept = append(l.kept, x.req.Target()...)
	l.target = len(l.kept)
	l.kept = append(l.kept, x.req.Value(h1.UserAgent)...)
	l.agent = len(l.kept)
	l.kept = append(l.kept, x.req.Value(h1.Referer)...)
	l.referer = len(l.kept)
	l.client = x.realClient()
}

// logs reports whether there is an access log.
func (s *Server) logs() bool { return s.options.AccessLog != nil && s.options.AccessLog.Enabled() }

// log records a request that has ended. reason is why it failed, if it did.
func (x *exchange) log(how outcome, protocol, reason string) {
	l := &x.logged
	if !l.on {
		return
	}
	e := &x.entry
	*e = accesslog.Entry{
		Time: x.began, Client: l.client, Protocol: protocol, Scheme: x.conn.scheme,
		Method: l.kept[:l.method], Host: l.kept[l.method:l.host], Path: l.kept[l.host:l.target],
		UserAgent: l.kept[l.target:l.agent], Referer: l.kept[l.agent:l.referer],
		RequestID: x.requestID, Status: x.status, Outcome: outcomeNames[how], Failed: how >= serverError && how <= reset, Why: reason, Attempts: x.attempts,
		RequestBytes: x.bytesIn, ResponseBytes: x.bytesOut, Duration: time.Since(x.began), FirstByte: x.firstByte, Connect: x.connected,
	}
	if x.service != nil {
		e.Service = x.service.name
		e.TraceID = x.traceID()
	}
	if x.route != nil {
		e.Route = x.route.Path
	}
	if x.attempts > 0 {
		e.Backend = x.lastTried().id
	}
	if state := x.conn.tls; state != nil {
		e.TLS, e.SNI = versionName(state.Version), state.ServerName
	}
	x.conn.server.options.AccessLog.Record(e)
}

func versionName(version uint16) string {
	if version == tls.VersionTLS13 {
		return "1.3"
	}
	return "1.2" // the least there is
}

// realClient is who a chain of trusted proxies says that the client is: the last address in X-Forwarded-For that is not one of them.
func (x *exchange) realClient() netip.AddrPort {
	c := x.conn
	if !c.trusted || !x.req.Has(h1.XForwardedFor) {
		return c.client
	}
	x.scratch = x.req.AppendList(x.scratch[:0], h1.XForwardedFor)
	trusted := c.listener.routes.Load().trusted
	client := c.client
	for rest := x.scratch; len(rest) > 0; {
		var last []byte
		rest, last = cutLast(rest)
		addr, err := netip.ParseAddr(string(last))
		if err != nil {
			break
		}
		client = netip.AddrPortFrom(addr, 0)
		if !contains(trusted, addr) {
			break
		}
	}
	return client
}

// cutLast cuts the last element of a comma-separated list.
func cutLast(list []byte) (rest, last []byte) {
	at := len(list) - 1
	for at >= 0 && list[at] != ',' {
		at--
	}
	last = list[at+1:]
	for len(last) > 0 && last[0] == ' ' {
		last = last[1:]
	}
	if at < 0 {
		return nil, last
	}
	return list[:at], last
}
