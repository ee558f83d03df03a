package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"headroom.dev/headroom"
)

// Options is what the API is made of. Control, Monitor, Store, Events and Read are needed.
type Options struct {
	Control Control
	Monitor Monitor
	// Store is read for the journal and keeps audit records and the answers of idempotent requests.
	Store  headroom.Store
	Events Events
	// Read sets a struct of the vocabulary from JSON, as strictly as a config is read and with its defaults, see config.Read.
	Read func(name, root string, text []byte, into any) error
	// Try tries a change of a policy on recorded load; changes with a gate are refused as unavailable where nil.
	Try Try

	// Token is the bearer token; empty lets everyone on loopback in (see CheckListen).
	Token   string
	Version string
	Logger  *slog.Logger     // slog.Default where nil
	Now     func() time.Time // time.Now where nil
	// Heartbeat is the time between signs of life on an event stream without events; 15 s where zero, which is below the
	// usual idle timeout of proxies (nginx: 60 s).
	Heartbeat time.Duration
}

// server is the handler that New returns.
type server struct {
	control Control
	monitor Monitor
	store   headroom.Store
	events  Events
	read    func(name, root string, text []byte, into any) error
	try     Try

	token       string
	version     string
	logger      *slog.Logger
	now         func() time.Time
	heartbeat   time.Duration
	crossOrigin *http.CrossOriginProtection
	running     *inProgress

	mux        *http.ServeMux
	operations []*huma.Operation // in the order in which they are registered
}

// New returns the handler of the whole API. Event streams end when the request's context does: give the http.Server a
// BaseContext that is canceled before Shutdown.
func New(options Options) http.Handler {
	s := &server{
		control: options.Control, monitor: options.Monitor, store: options.Store, events: options.Events, read: options.Read, try: options.Try,
		token: options.Token, version: options.Version, logger: options.Logger,
		now: options.Now, heartbeat: options.Heartbeat,
		crossOrigin: http.NewCrossOriginProtection(),
		running:     &inProgress{keys: map[string]bool{}},
		mux:         http.NewServeMux(),
	}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.heartbeat <= 0 {
		s.heartbeat = 15 * time.Second
	}
	api := humago.New(s.mux, s.humaConfig())
	api.UseMiddleware(nameOperation)
	s.registerScaling(api)
	s.registerDecisions(api)
	s.registerExplanations(api)
	s.registerDecide(api)
	s.registerBalancer(api)
	s.registerLeading(api)
	s.registerMonitor(api)
	s.registerReceive(api)
	s.registerEvents(api)
	s.registerJournal(api)
	s.registerOperate(api)
	s.registerProbes(api)
	s.serveDescription(api)
	return http.HandlerFunc(s.serve)
}

// nameOperation notes which operation a request is for, before its body is judged.
func nameOperation(ctx huma.Context, next func(huma.Context)) {
	exchange := exchangeOf(ctx.Context())
	exchange.lock.Lock()
	exchange.verb = ctx.Operation().OperationID
	exchange.lock.Unlock()
	next(ctx)
}

// serve takes every request: it decides who may come in, and what is not for huma.
func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	e := &exchange{id: requestID(r), source: r.RemoteAddr, path: r.URL.Path, verb: r.Method}
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, e))
	out := &answer{ResponseWriter: w}
	out.Header().Set("X-Request-Id", e.id)
	out.Header().Set("X-Content-Type-Options", "nosniff")
	out.Header().Set("Cache-Control", "no-store")
	defer s.recoverFrom(out, r)
	boundBody(out, r)

	actor, problem := s.admit(out, r)
	if problem != nil {
		s.logger.Warn("refused a request", "code", problem.Code, "method", r.Method, "path", r.URL.Path, "source", e.source, "requestId", e.id)
		writeProblem(out, r, problem)
		return
	}
	e.actor = actor
	if problem := s.route(out, r); problem != nil {
		writeProblem(out, r, problem)
		return
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead || ownProtocol(r.URL.Path) {
		s.mux.ServeHTTP(out, r)
		return
	}
	s.serveMutation(out, r)
	s.auditRefusal(e, out.status)
}

// recoverFrom answers a request whose handler panicked, and keeps the process alive.
func (s *server) recoverFrom(out *answer, r *http.Request) {
	reason := recover()
	if reason == nil {
		return
	}
	if reason == http.ErrAbortHandler || r.Context().Err() != nil {
		return // the client has gone away while the answer was written
	}
	e := exchangeOf(r.Context())
	s.logger.Error("a request's handler panicked", "requestId", e.id, "verb", e.verb, "path", e.path, "reason", fmt.Sprint(reason))
	if out.status == 0 {
		writeProblem(out, r, newProblem("internal", "an unexpected error, logged with request ID "+e.id))
	}
}

// route says what is wrong with a request that no operation takes.
func (s *server) route(w http.ResponseWriter, r *http.Request) *Problem {
	handler, pattern := s.mux.Handler(r)
	if pattern != "" {
		return nil
	}
	// ServeMux answers 404 or 405 with Allow here; only its status and that header are of use.
	probe := &discard{header: http.Header{}}
	handler.ServeHTTP(probe, r)
	if probe.status != http.StatusMethodNotAllowed {
		return newProblem("unknown-route", "there is no "+clip(r.URL.Path))
	}
	allow := probe.header.Get("Allow")
	w.Header().Set("Allow", allow)
	return newProblem("method-not-allowed", fmt.Sprintf("%s takes %s, not %s", clip(r.URL.Path), allow, clip(r.Method)))
}

// discard keeps the head of an answer only.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) Write(data []byte) (int, error) { return len(data), nil }
func (d *discard) WriteHeader(status int)         { d.status = status }

// serveMutation reads the body and sees to the Idempotency-Key before an operation is carried out.
func (s *server) serveMutation(out *answer, r *http.Request) {
	e := exchangeOf(r.Context())
	body, problem := readBody(out, r)
	if problem == nil {
		problem = e.readDryRun(r)
	}
	if problem == nil {
		problem = e.readKey(r, body)
	}
	if problem == nil {
		problem = e.readMatch(r)
	}
	e.reason = r.URL.Query().Get("reason")
	if problem != nil {
		writeProblem(out, r, problem)
		return
	}
	if e.key == "" || e.dryRun {
		s.mux.ServeHTTP(out, r)
		return
	}
	if !s.running.begin(e.key) {
		writeProblem(out, r, newProblem("idempotency-in-progress", "the first request with this key has not been answered yet"))
		return
	}
	defer s.running.end(e.key)
	s.sweep()
	record, problem := s.recall(e)
	switch {
	case problem != nil:
		writeProblem(out, r, problem)
	case record != nil:
		replay(out, record)
	default:
		s.mux.ServeHTTP(out, r)
	}
}

// readDryRun reads ?dryRun=. A value that is not understood must not lead to a real change, so it is refused here,
// also where huma would take it for absent ("?dryRun=").
func (e *exchange) readDryRun(r *http.Request) *Problem {
	values, given := r.URL.Query()["dryRun"]
	if !given {
		return nil
	}
	if len(values) == 1 && (values[0] == "true" || values[0] == "false") {
		e.dryRun = values[0] == "true"
		return nil
	}
	return newProblem("invalid-value", "query.dryRun: expected true or false, once",
		ProblemValue{Location: "query.dryRun", Message: "expected true or false, once", Value: clip(values[0])})
}

// readMatch reads If-Match: "*", or entity tags with commas between them (RFC 9110 section 13.1.1). A weak one never matches.
func (e *exchange) readMatch(r *http.Request) *Problem {
	for _, line := range r.Header.Values("If-Match") {
		for tag := range strings.SplitSeq(line, ",") {
			tag = strings.TrimSpace(tag)
			opaque := strings.TrimPrefix(tag, "W/")
			switch {
			case tag == "*":
				e.ifMatch = append(e.ifMatch, tag)
			case len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"':
				const message = `expected * or the ETag of an answer with its quotes, such as "8c7dd922ad47494f"`
				return newProblem("invalid-value", "header.If-Match: "+message, ProblemValue{Location: "header.If-Match", Message: message, Value: clip(line)})
			case opaque != tag:
				e.ifMatch = append(e.ifMatch, "") // which no version is
			default:
				e.ifMatch = append(e.ifMatch, tag[1:len(tag)-1])
			}
		}
	}
	return nil
}

func (e *exchange) readKey(r *http.Request, body []byte) *Problem {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return nil
	}
	const most = 255
	if len(values) > 1 || !validToken(values[0], most) {
		message := fmt.Sprintf("expected 1 to %d printable characters without spaces, once", most)
		return newProblem("invalid-value", "header.Idempotency-Key: "+message,
			ProblemValue{Location: "header.Idempotency-Key", Message: message, Value: clip(values[0])})
	}
	e.key, e.fingerprint = values[0], fingerprint(r.Method, r.URL.Path, body)
	return nil
}
