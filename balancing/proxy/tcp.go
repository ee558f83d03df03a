package proxy

import (
	"cmp"
	"time"
)

// serveTCP passes a connection of a TCP service on to a backend. It is an exchange like any other, whose request is the connection itself.
// It has no waker: nobody knows where what is said on it ends, so when the listener closes it may go on until the end of Shutdown.
func serveTCP(c *clientConn, s *service) {
	x := c.take()
	defer c.put(x)
	now := time.Now()
	x.state = state{began: now, attemptAt: now, service: s, number: c.requests.Add(1)}
	x.route = nil
	x.logged = logged{on: c.server.logs(), kept: x.logged.kept[:0], client: c.client}
	x.makeRequestID()
	s.traffic.begin()
	x.view = s.view.Load()
	x.client = nil
	x.findSession()
	x.findKey()
	how := rejected
	if limiting := x.view.limiting; limiting != nil && !x.withinRates(limiting.routes[0].limiters) {
		x.why = x.limits.limiter.why
		x.conn.reset()
	} else {
		how = x.connectTCP()
	}
	s.traffic.end(how, x.end().Sub(x.began))
	x.log(how, "TCP", cmp.Or(x.why, x.limits.would))
}

// connectTCP tries backends until one takes the connection, and passes bytes both ways until either side has had enough.
func (x *exchange) connectTCP() outcome {
	how := noBackend
	x.why = "no backend of service " + x.service.name + " is ready"
	for b := x.choose(); b != nil; b = x.another() {
		x.backend = b
		b.traffic.arrivals.Add(1)
		conn, err := b.dial(x)
		if err != nil {
			how, x.why = connectError, err.Error()
			b.noteFailure(time.Now(), err.Error())
			x.settle(how, false)
			if !x.view.retries.connect || !x.tryAgain() {
				break
			}
			continue
		}
		x.switchedAt = time.Now() // the latency is that of the connection
		x.learn(x.switchedAt, success)
		x.why = ""
		x.pipe(beneath(conn), conn, time.Duration(x.view.settings.Timeouts.Tunnel))
		conn.Close()
		x.settle(success, false)
		return success
	}
	x.conn.reset()
	return how
}
