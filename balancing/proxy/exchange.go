package proxy

import (
	"cmp"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/accesslog"
	"headroom.dev/headroom/balancing/compress"
	"headroom.dev/headroom/balancing/edit"
	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/pick"
)

// exchange is one request and what is known of its answer: route, admit, pick, attempt and account are the same for all protocols.
// Exchanges are pooled with their buffers, so that a request allocates nothing and an idle connection holds none.
type exchange struct {
	conn   *clientConn
	client client
	req    h1.Request
	res    h1.Response

	route     *edit.Route
	target    []byte            // rewritten
	authority []byte            // that backends are asked for, where an edit changes it
	out       []byte            // the request as sent to the backend: its head, and behind it a small body
	reply     []byte            // the response as sent to the client, what of it waits to be sent
	scratch   []byte            // body of an answer of our own, trailers, and whatever is needed for a moment
	accept    []byte            // the client's Accept-Encoding
	limitKey  []byte            // what the request is counted apart by, for a moment
	trace     [traceLength]byte // traceparent
	logged    logged
	entry     accesslog.Entry
	requestID []byte
	hostName  [256]byte
	pick      pick.Request
	upload    *upload
	in        h1.Reader // of a client that speaks HTTP/1, and
	body      h1.Body   // of its request
	h2        h2Client  // client, where it speaks HTTP/2
	h2call    h2Call    // the call, where the backend does
	onGone    func()    // clientGone

	callMu  sync.Mutex // guards calling
	calling call       // under way, where the client may leave at any time

	state
}

func newExchange() any {
	x := &exchange{}
	x.onGone = x.clientGone
	return x
}

// state is what of an exchange begins anew with each request. It keeps copies of what is needed after the request's head is gone
// from the buffer.
type state struct {
	door    *view     // of the service by whose host the client came: what holds towards clients
	service *service  // that serves the request: the same, or where a route or a split leads to
	view    *view     // of service
	began   time.Time // its head was whole
	number  uint64    // on its connection

	left       bool    // the client, while its request was held
	copied     *copied // that is due when the body is whole; nil for none
	isCopy     bool
	userCookie string // that an anonymous user of a split gets; empty for none
	user       uint64
	traced     bool // the client's own traceparent goes on
	trailers   bool // the client takes trailers (TE), and the backend's protocol has a way to say so
	headLength int  // of out
	toHead     bool
	idempotent bool
	old        bool // HTTP/1.0
	keep       bool // the client's connection may be used again
	expect     bool // the client waits for 100 Continue, and has not got it
	websocket  bool
	framing    h1.Framing
	streaming  bool            // the body is not in out but is sent by an upload
	bodyRead   bool            // nothing of the body is left on the client's connection
	taken      bool            // some of a streamed body was read, so that it cannot be sent again
	bytesIn    int64           // of the request's body that were admitted
	bytesOut   int64           // of the response's body, before any compression
	coding     compress.Coding // that the response is compressed with

	session    session
	limits     standing
	tried      [mostAttempts]*backend
	next       *backend // chosen for the next attempt already, or nil
	attempts   int
	race       *race     // with a second attempt, under way; nil: none
	second     *exchange // that has won a race, while its answer is relayed
	raced      bool      // a second attempt was decided upon, or could not be
	full       bool      // some backend or the service has as much as it takes at once
	breaker    Breaker   // the service's own, which has let the request through; nil: none
	backend    *backend  // of the attempt that is not settled yet, or nil
	attemptAt  time.Time // when the present attempt could begin: the request, with its body if that is small, was there
	interim    int
	status     int           // of the answer
	firstByte  time.Duration // from attemptAt to the head of the response
	connected  time.Duration // opening the connection of the attempt; 0 where one was open
	replied    bool          // the client got the first bytes of a final response
	learned    bool          // something of the backend of the present attempt: see learn
	expired    bool          // the deadline of a gRPC call has passed
	why        string        // a failure's reason
	headAt     time.Time     // when the head of the response was there
	switchedAt time.Time     // when a tunnel began, which is the end of its request; else zero
	ended      time.Time     // when the answer was complete, for all who ask: a look at the clock costs more than most of what is done here
}

// serve serves the request in req, which is one of many on its connection, and reports whether the connection may be used again.
func (x *exchange) serve(c client, number uint64) (again bool) {
	x.begin(c, number)
	x.note()
	x.service = x.conn.listener.routes.Load().find(x.req.Host(), &x.hostName)
	if x.service == nil {
		x.answer(404, "no service here has this host")
		x.log(clientError, x.protocol(), "no service has this host")
		return c.finish()
	}
	x.view = x.service.view.Load()
	x.door = x.view
	x.direct()
	x.service.traffic.begin()
	x.takeTrace()
	how := x.run()
	x.service.traffic.end(how, x.end().Sub(x.began))
	x.log(how, x.protocol(), cmp.Or(x.why, x.limits.would))
	x.dropCopy()
	return c.finish()
}

// begin takes from the head of a request what is needed when that is gone.
func (x *exchange) begin(c client, number uint64) {
	now := time.Now()
	x.client, x.upload, x.route = c, nil, nil
	x.state = state{began: now, attemptAt: now, number: number}
	x.toHead = x.req.Method() == h1.MethodHead
	x.old = x.req.Minor() == 0
	x.idempotent = x.req.Method().Idempotent()
	x.framing = x.req.Framing()
	x.bodyRead = x.framing.Kind == h1.NoBody
	x.keep = x.req.Persistent()
	x.expect = x.req.Continue() && !c.bodyWaits()
	x.streaming = x.framing.Kind == h1.ChunkedBody || x.framing.Length > wholeBody || x.expect
	x.takeRequestID()
}

// protocol is what the client speaks, as the access log names it.
func (x *exchange) protocol() string {
	switch {
	case !x.client.inOrder():
		return "HTTP/2.0"
	case x.old:
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// end is when a request that has ended did so.
func (x *exchange) end() time.Time {
	if !x.switchedAt.IsZero() {
		return x.switchedAt
	}
	if !x.ended.IsZero() {
		return x.ended
	}
	return time.Now()
}

// run admits the request and has a backend answer it.
func (x *exchange) run() outcome {
	if how, done := x.admit(); done {
		return how
	}
	how := x.forward()
	if x.breaker != nil {
		x.recordService(how, x.end())
	}
	return how
}

// forward prepares the request as it will be sent and tries backends.
func (x *exchange) forward() outcome {
	x.findSession()
	http2 := x.view.settings.BackendProtocol == headroom.BackendHTTP2
	x.websocket = !http2 && x.client.inOrder() && x.req.WebSocket()
	x.trailers = http2 && x.req.AcceptsTrailers()
	x.out = x.appendRequest(x.out[:0])
	x.headLength = len(x.out)
	x.findKey()
	if x.framing.Kind != h1.NoBody && !x.streaming {
		if err := x.appendWholeBody(); err != nil {
			return x.bodyFailed(err)
		}
		x.bodyRead = true
		x.attemptAt = time.Now() // the client may have taken long for it
	}
	if x.copied != nil {
		x.sendCopy()
	}
	var last failure
	for b := x.first(); b != nil; b = x.another() {
		last = x.attempt(b)
		x.dropSecond()
		if last.reason == "" {
			x.endUpload()
			return last.how
		}
		x.settle(last.how, last.how == clientAborted || last.how == rejected)
		x.why = last.reason
		if last.how == clientAborted {
			return x.clientFailed()
		}
		x.conn.server.options.Logger.Debug("attempt failed", "service", x.service.name, "backend", b.id, "reason", last.reason, "again", last.again)
		if !last.again || x.next == nil && !x.tryAgain() {
			break
		}
	}
	return x.giveUp(last)
}

// giveUp answers a request that no backend has answered.
func (x *exchange) giveUp(last failure) outcome {
	if err := x.stopUpload(); err != nil {
		return x.bodyFailed(err)
	}
	switch {
	case x.left:
		x.why = errClientGone.Error()
		x.client.abort()
		return clientAborted
	case x.full && (x.attempts == 0 || last.how == rejected):
		x.busy("all backends of service " + x.service.name + " have as much as they take at once (overload)")
		return rejected
	case x.attempts == 0:
		if x.why == "" {
			x.why = "no backend of service " + x.service.name + " is ready"
		}
		x.answer(503, x.why)
		return noBackend
	case last.how == timedOut:
		x.answer(504, last.reason)
		return timedOut
	}
	x.answer(502, last.reason)
	return last.how
}

// clientFailed ends an exchange whose client has left, or whose body could not be read.
func (x *exchange) clientFailed() outcome {
	if err := x.stopUpload(); err != nil {
		return x.bodyFailed(err)
	}
	x.client.abort()
	return clientAborted
}

// shrink gives up what an unusually large request left behind.
func (x *exchange) shrink() {
	const keep = 32 << 10
	for _, buffer := range []*[]byte{&x.out, &x.reply, &x.scratch, &x.limitKey, &x.logged.kept} {
		if cap(*buffer) > keep {
			*buffer = nil
		}
	}
}

// forget lets go of what belongs to a connection before the exchange goes back to its pool.
func (x *exchange) forget() {
	x.shrink()
	x.conn, x.client, x.upload, x.state = nil, nil, nil, state{}
	x.h2, x.h2call = h2Client{}, h2Call{}
}
