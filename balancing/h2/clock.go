package h2

import (
	"time"
)

const (
	// deadlineTick is how often the streams' deadlines are looked at, while there are any. One timer for all of a connection
	// costs nothing per request.
	deadlineTick = 100 * time.Millisecond
	// restTick is the longest time between two looks at a connection.
	restTick = 10 * time.Second
	// handshakeTime bounds the preface and the first SETTINGS.
	handshakeTime = 10 * time.Second
	// lingerTime is how long a connection that we end waits for the peer to read why and to close.
	lingerTime = 500 * time.Millisecond
	// finalAfter is when the last GOAWAY follows the first if no PING has told that the client has seen it.
	finalAfter = time.Second
)

// clock is the connection's one timer and what it looks after. It is guarded by conn.mu.
type clock struct {
	timer     *time.Timer
	fast      bool // some stream has a deadline, or a GOAWAY is pending
	stopped   bool
	reads     uint64 // conn.reads at the last look
	lastRead  time.Time
	pinged    bool // since lastRead
	lastUsed  time.Time
	served    uint64 // streams begun
	seen      uint64 // served at the last look
	drainedAt time.Time
}

func (k *clock) stop() {
	k.stopped = true
	if k.timer != nil {
		k.timer.Stop()
	}
}

// startClock begins to look after the connection. c.mu is held.
func (c *conn) startClock() {
	now := time.Now()
	c.clock.lastRead, c.clock.lastUsed = now, now
	c.clock.timer = time.AfterFunc(c.restInterval(), c.tick)
}

// hurry has the clock look often. c.mu is held.
func (c *conn) hurry() {
	if c.clock.fast || c.clock.stopped || c.clock.timer == nil {
		return
	}
	c.clock.fast = true
	c.clock.timer.Reset(deadlineTick)
}

// restInterval is a quarter of the shortest time that is to be kept.
func (c *conn) restInterval() time.Duration {
	shortest := 4 * restTick
	if c.pingAfter > 0 {
		shortest = min(shortest, c.pingAfter)
	}
	if c.idleTimeout > 0 {
		shortest = min(shortest, c.idleTimeout)
	}
	return max(shortest/4, time.Millisecond)
}

func (c *conn) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock.stopped {
		return
	}
	now := time.Now()
	c.clock.fast = c.expire(now)
	c.checkPeer(now)
	c.checkIdle(now)
	c.checkDrain(now)
	c.releaseIdle()
	if c.clock.fast {
		c.clock.timer.Reset(deadlineTick)
		return
	}
	c.clock.timer.Reset(c.restInterval())
}

// expire wakes the streams whose deadlines have passed and reports whether there are others.
func (c *conn) expire(now time.Time) bool {
	pending := false
	for _, s := range c.live {
		pending = s.expire(now) || pending
	}
	return pending
}

// expire wakes whoever waits for the stream beyond its time, and reports whether a deadline is still to come. c.mu is held.
func (s *Stream) expire(now time.Time) bool {
	if s.reading.pending() && !now.Before(s.reading.at) {
		s.reading.passed = true
		s.readable.Signal()
	}
	if s.writing.pending() && !now.Before(s.writing.at) {
		s.writing.passed = true
		s.writable.Signal()
	}
	return s.reading.pending() || s.writing.pending()
}

// checkPeer pings a peer from which nothing came for long, and ends the connection when that is not answered for as long again.
func (c *conn) checkPeer(now time.Time) {
	if reads := c.reads.Load(); reads != c.clock.reads {
		c.clock.reads, c.clock.lastRead, c.clock.pinged = reads, now, false
		return
	}
	if c.pingAfter == 0 {
		return
	}
	silence := now.Sub(c.clock.lastRead)
	if silence >= 2*c.pingAfter {
		c.lose(errSilent)
		return
	}
	if silence >= c.pingAfter && !c.clock.pinged {
		c.clock.pinged = true
		c.out = appendPing(c.out, 0, alivePing)
		c.kick()
	}
}

// checkIdle shuts a server's connection down that had no stream for long.
func (c *conn) checkIdle(now time.Time) {
	if len(c.live) > 0 || c.clock.served != c.clock.seen {
		c.clock.seen, c.clock.lastUsed = c.clock.served, now
		return
	}
	c.free, c.spare = nil, nil
	if c.idleTimeout > 0 && now.Sub(c.clock.lastUsed) >= c.idleTimeout {
		c.shutdown()
	}
}

// checkDrain sends the last GOAWAY when the client does not answer the PING after the first.
func (c *conn) checkDrain(now time.Time) {
	if !c.draining || c.final {
		return
	}
	if now.Sub(c.clock.drainedAt) >= finalAfter {
		c.finish()
		return
	}
	c.clock.fast = true
}

// releaseIdle lets the workers go that were not needed since the last look.
func (c *conn) releaseIdle() {
	unused := min(c.leastIdle, len(c.idle))
	for _, w := range c.idle[:unused] {
		w.next <- nil
	}
	c.idle = append(c.idle[:0], c.idle[unused:]...)
	c.leastIdle = len(c.idle)
}
