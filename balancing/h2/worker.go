package h2

// worker is a goroutine that calls the handler, for one stream after the other so that its stack need not grow anew for each.
type worker struct {
	next chan *Stream // room for one, so that handing over does not wait; nil ends the worker
}

// dispatch gives a new request to a worker, the one that was at work last. c.mu is held.
func (c *conn) dispatch(s *Stream) {
	s.waiting = false
	if n := len(c.idle); n > 0 {
		w := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.leastIdle = min(c.leastIdle, n-1)
		w.next <- s
		return
	}
	c.leastIdle = 0
	c.workers.Add(1)
	go c.work(s)
}

// handOver gives the requests whose body is still to come to workers, and wakes the readers of what came. A message that ended within
// what was read has its goroutine already, which so is woken once and not for each frame.
func (c *conn) handOver() {
	r := &c.reader
	if len(r.waiting) == 0 && len(r.woken) == 0 {
		return
	}
	c.mu.Lock()
	for _, s := range r.waiting {
		if s.waiting {
			c.dispatch(s)
		}
	}
	for _, s := range r.woken {
		s.woken = false
		s.readable.Signal()
	}
	c.mu.Unlock()
	clear(r.waiting)
	clear(r.woken)
	r.waiting, r.woken = r.waiting[:0], r.woken[:0]
}

// wakeSoon has the stream's reader woken before the next read. c.mu is held, by the reading goroutine.
func (c *conn) wakeSoon(s *Stream) {
	if s.woken {
		return
	}
	s.woken = true
	c.reader.woken = append(c.reader.woken, s)
}

func (c *conn) work(s *Stream) {
	defer c.workers.Done()
	w := &worker{next: make(chan *Stream, 1)}
	for s != nil {
		c.handle(s)
		if !c.retire(s, w) {
			return
		}
		s = <-w.next
	}
}

// retire ends the use of a stream whose handler has returned; false if the connection has ended, so that no other will come.
func (c *conn) retire(s *Stream, w *worker) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case s.err != nil:
	case !s.sentEnd:
		c.reset(s, InternalError, "the handler returned before the end of its response")
	case !s.recvEnd:
		// RFC 9113 section 8.1: the response is complete and the rest of the request is not wanted.
		c.reset(s, NoError, "the handler returned before the end of the request")
	}
	c.release(s)
	if c.final {
		c.stopIfUnused()
	}
	c.kick()
	if c.ended {
		return false
	}
	c.idle = append(c.idle, w)
	return true
}
