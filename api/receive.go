package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"headroom.dev/headroom"
	"headroom.dev/headroom/monitoring/receive"
)

// The paths to which other programs send metrics in protocols of their own. OTLP exporters add /v1/metrics to the endpoint that they are given.
const (
	otlpPath        = "/api/monitor/otlp/v1/metrics"
	remoteWritePath = "/api/monitor/write"
)

// ownProtocol reports whether a path takes bodies that are not of this API's kind: they are neither JSON of it, nor changes that are repeated or audited.
func ownProtocol(path string) bool { return path == otlpPath || path == remoteWritePath }

func (s *server) registerReceive(api huma.API) {
	s.mux.HandleFunc("POST "+otlpPath, s.receiveOTLP)
	s.mux.HandleFunc("POST "+remoteWritePath, s.receiveRemoteWrite)
	api.OpenAPI().AddOperation(describeOTLP())
	api.OpenAPI().AddOperation(describeRemoteWrite())
}

// receiveOTLP answers as OTLP/HTTP says: https://opentelemetry.io/docs/specs/otlp/#otlphttp-response. Senders repeat 429, 502, 503 and 504 only.
func (s *server) receiveOTLP(w http.ResponseWriter, r *http.Request) {
	encoding := receive.Encoding(mediaOf(r))
	if encoding != receive.Protobuf && encoding != receive.JSON {
		writeProblem(w, r, undeclared(r, "send the header Content-Type: application/x-protobuf or application/json"))
		return
	}
	batch, problem := s.readOTLP(w, r, encoding)
	if problem == nil {
		problem = s.take(r.Context(), &batch)
	}
	if problem != nil {
		s.refuseOTLP(w, r, problem, encoding)
		return
	}
	answer, err := receive.Accepted(batch, encoding)
	if err != nil {
		s.refuseOTLP(w, r, newProblem("internal", "the answer cannot be written"), encoding)
		return
	}
	w.Header().Set("Content-Type", string(encoding))
	_, _ = w.Write(answer)
}

func (s *server) readOTLP(w http.ResponseWriter, r *http.Request, encoding receive.Encoding) (receive.Batch, *Problem) {
	body, problem := readMetrics(w, r)
	if problem != nil {
		return receive.Batch{}, problem
	}
	var err error
	switch packing := r.Header.Get("Content-Encoding"); packing {
	case "", "identity":
	case "gzip":
		body, err = receive.Unzip(body)
	default:
		return receive.Batch{}, undeclared(r, "send the body with Content-Encoding: gzip, or without one")
	}
	var batch receive.Batch
	if err == nil {
		batch, err = receive.OTLP(body, encoding, s.now())
	}
	if err != nil {
		return receive.Batch{}, badMetrics(err)
	}
	return batch, nil
}

// refuseOTLP answers with a google.rpc.Status, which senders log.
func (s *server) refuseOTLP(w http.ResponseWriter, r *http.Request, problem *Problem, encoding receive.Encoding) {
	exchangeOf(r.Context()).refused(problem)
	if problem.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", string(encoding))
	w.WriteHeader(problem.Status)
	_, _ = w.Write(receive.Refused(problem.Detail, encoding))
}

// receiveRemoteWrite answers as remote write 1.0 says: https://prometheus.io/docs/specs/prw/remote_write_spec. Senders repeat 5xx only. Samples that can be
// taken are taken also where others of the same request cannot.
func (s *server) receiveRemoteWrite(w http.ResponseWriter, r *http.Request) {
	_, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	message := parameters["proto"]
	if mediaOf(r) != string(receive.Protobuf) || (message != "" && message != "prometheus.WriteRequest") || r.Header.Get("Content-Encoding") != "snappy" {
		writeProblem(w, r, undeclared(r, "send remote write 1.0: Content-Type: application/x-protobuf and Content-Encoding: snappy"))
		return
	}
	body, problem := readMetrics(w, r)
	if problem != nil {
		writeProblem(w, r, problem)
		return
	}
	batch, err := receive.RemoteWrite(body, s.now())
	if err != nil {
		writeProblem(w, r, badMetrics(err))
		return
	}
	if problem := s.take(r.Context(), &batch); problem != nil {
		if problem.Status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		writeProblem(w, r, problem)
		return
	}
	if batch.Rejected > 0 {
		writeProblem(w, r, badMetrics(fmt.Errorf("%d of the series cannot be taken: %s", batch.Rejected, batch.Reason)))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// take hands values on. That there are too many series is for the sender's user, not a reason to send them again.
func (s *server) take(ctx context.Context, batch *receive.Batch) *Problem {
	if len(batch.Values) == 0 {
		return nil
	}
	err := s.monitor.Push(ctx, batch.Values, headroom.Change{})
	var conflict *headroom.ConflictError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &conflict):
		batch.Rejected += len(batch.Values)
		batch.Reason = conflict.Error()
		return nil
	}
	var problem *Problem
	if errors.As(s.problemOf(ctx, err), &problem) {
		return problem
	}
	return newProblem("internal", "the values cannot be taken")
}

// readMetrics reads a body whole, bounded in size and time.
func readMetrics(w http.ResponseWriter, r *http.Request) ([]byte, *Problem) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, receive.MostBytes))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		problem := newProblem("body-too-large", fmt.Sprintf("the body has more than %d bytes", tooLarge.Limit))
		problem.Hint = "send fewer series in a request"
		return nil, problem
	}
	if err != nil {
		return nil, badMetrics(fmt.Errorf("the body ended early: %w", err))
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // boundBody has set one
	return body, nil
}

func mediaOf(r *http.Request) string {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return media
}

func badMetrics(err error) *Problem {
	problem := newProblem("malformed-body", err.Error())
	problem.Title, problem.Hint = "The body cannot be taken as it is", "correct what sends it; the same body will be refused again"
	return problem
}

func undeclared(r *http.Request, hint string) *Problem {
	problem := newProblem("unsupported-media-type", fmt.Sprintf("the body is declared as %q, with Content-Encoding %q",
		clip(r.Header.Get("Content-Type")), clip(r.Header.Get("Content-Encoding"))))
	problem.Title, problem.Hint = "The body is not declared as what this path takes", hint
	return problem
}

func describeOTLP() *huma.Operation {
	binary := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}, Example: ""}
	json := func(example any) *huma.MediaType {
		return &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeObject}, Example: example}
	}
	messages := func(example any) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{string(receive.Protobuf): binary, string(receive.JSON): json(example)}
	}
	operation := &huma.Operation{
		OperationID: "push-otlp-metrics", Method: http.MethodPost, Path: otlpPath, Tags: []string{tagMonitor},
		Summary: "Send metrics with OTLP",
		Description: "An ExportMetricsServiceRequest of OTLP/HTTP, in protobuf or JSON, with gzip or without, of at most 4 MiB. Give an exporter the endpoint " +
			"/api/monitor/otlp. The last value of each series is kept for signals with pushed:; of histograms the sum and the count. What is rejected is in partialSuccess.",
		RequestBody: &huma.RequestBody{Required: true, Content: messages(map[string]any{"resourceMetrics": []any{map[string]any{"scopeMetrics": []any{
			map[string]any{"metrics": []any{map[string]any{"name": "orders_open", "gauge": map[string]any{"dataPoints": []any{map[string]any{"asDouble": 42}}}}}}}}}})},
		Responses: map[string]*huma.Response{
			"200": {Description: "what was rejected, if anything", Content: messages(map[string]any{})},
		},
	}
	refusals(operation, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnsupportedMediaType)
	for _, status := range []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		operation.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status) + ", a google.rpc.Status", Content: messages(map[string]any{"message": "the body is not gzip"}),
		}
	}
	operation.Responses["415"].Content[string(receive.Protobuf)] = binary
	operation.Responses["415"].Content[string(receive.JSON)] = json(map[string]any{"message": "the body is declared as something else"})
	return operation
}

func describeRemoteWrite() *huma.Operation {
	operation := &huma.Operation{
		OperationID: "push-remote-write", Method: http.MethodPost, Path: remoteWritePath, Tags: []string{tagMonitor},
		Summary: "Send metrics with Prometheus remote write",
		Description: "A WriteRequest of remote write 1.0 in protobuf, packed with snappy, of at most 4 MiB. The newest sample of each series is kept for signals with " +
			"pushed:; a stale marker removes it. Write a relabeling that sends only the series that signals use.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			string(receive.Protobuf): {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}, Example: ""},
		}},
		Responses: map[string]*huma.Response{"204": {Description: "every sample was taken"}},
	}
	refusals(operation, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusInternalServerError, http.StatusServiceUnavailable)
	return operation
}

// refusals describes answers that are problems.
func refusals(operation *huma.Operation, statuses ...int) {
	for _, status := range statuses {
		operation.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{problemType: {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}},
		}
	}
}
