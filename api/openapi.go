package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

const apiDescription = `Control and observe headroom: how many replicas each service has and why, where its requests go, and how it keeps its promises.

Bodies are JSON with camelCase names. Durations are texts such as "30s" or "1h30m". A number that is not known is null, never 0.

Changes take the header Idempotency-Key and the parameter dryRun=true, and are written to the audit log. Errors are application/problem+json with a stable code and a hint.`

// The groups of operations, in the order of the docs.
const (
	tagScaling   = "scaling"
	tagDecisions = "decisions"
	tagBalancer  = "balancer"
	tagMonitor   = "monitor"
	tagJournal   = "journal"
	tagOperate   = "operate"
	tagProbes    = "probes"
)

func (s *server) humaConfig() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Headroom", Version: s.version, Description: apiDescription},
			Tags: []*huma.Tag{
				{Name: tagScaling, Description: "how many replicas"},
				{Name: tagDecisions, Description: "why so many"},
				{Name: tagBalancer, Description: "where requests go"},
				{Name: tagMonitor, Description: "what is measured"},
				{Name: tagJournal, Description: "what happened"},
				{Name: tagOperate, Description: "headroom itself"},
				{Name: tagProbes, Description: "for supervisors and scrapers"},
			},
			Components: &huma.Components{
				Schemas: newSchemas(),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token": {Type: "http", Scheme: "bearer", Description: "needed unless headroom listens on loopback without a token"},
				},
			},
			Security: []map[string][]string{{"token": {}}, {}},
			OnAddOperation: []huma.AddOpFunc{func(_ *huma.OpenAPI, operation *huma.Operation) {
				s.operations = append(s.operations, operation)
			}},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()},
		DefaultFormat: "application/json",
		// A misspelled ?dryRun must not become a real change.
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{s.finish},
	}
}

// operation describes one operation of the API.
type operation struct {
	method, path string
	id           string
	tag          string
	summary      string
	description  string
	status       int      // 200 where zero
	media        string   // application/json where empty
	request      any      // example body; nil where there is none
	response     any      // example answer; nil where there is none
	problems     []string // codes beside those that every operation may answer with
}

// register adds an operation. Errors of the handler become problems.
func register[I, O any](s *server, api huma.API, o operation, handle func(context.Context, *I) (*O, error)) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	if o.media == "" {
		o.media = "application/json"
	}
	described := huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Tags: []string{o.tag},
		Summary: o.summary, Description: o.description, DefaultStatus: o.status,
		// serveMutation has read the body already, with a limit and a deadline.
		MaxBodyBytes: -1, BodyReadTimeout: -1,
		Errors:    statusesOf(o),
		Responses: map[string]*huma.Response{},
	}
	if o.response != nil {
		described.Responses[strconv.Itoa(o.status)] = &huma.Response{
			Description: o.summary,
			Content:     map[string]*huma.MediaType{o.media: {Example: o.response}},
		}
	}
	if o.request != nil {
		described.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Example: o.request}}}
	}
	if openPath(o.path) {
		described.Security = []map[string][]string{{}}
	}
	huma.Register(api, described, func(ctx context.Context, input *I) (*O, error) {
		output, err := handle(ctx, input)
		if err != nil {
			return nil, s.problemOf(ctx, err)
		}
		return output, nil
	})
}

func statusesOf(o operation) []int {
	codes := append([]string{"invalid-value", "internal"}, o.problems...)
	if !openPath(o.path) {
		codes = append(codes, "unauthorized", "forbidden-host")
	}
	if o.method != http.MethodGet {
		codes = append(codes, "cross-origin", "conflict", "body-too-large", "unavailable", "disk-full")
	}
	if o.request != nil {
		codes = append(codes, "malformed-body", "unsupported-media-type")
	}
	var statuses []int
	for _, kind := range problemKinds() {
		if slices.Contains(codes, kind.code) && !slices.Contains(statuses, kind.status) {
			statuses = append(statuses, kind.status)
		}
	}
	return statuses
}

// serveDescription serves /openapi.json and /docs. Both are made at the first request for them, and once, since nothing in
// them changes; making them takes 30 ms, which a start need not wait for.
func (s *server) serveDescription(api huma.API) {
	description := sync.OnceValues(func() ([]byte, error) { return json.Marshal(api.OpenAPI()) })
	s.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		text, err := description()
		if err != nil {
			s.logger.Error("cannot write the OpenAPI description", "error", err)
			writeProblem(w, r, newProblem("internal", "the OpenAPI description cannot be written"))
			return
		}
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
		_, _ = w.Write(text)
	})
	docs := sync.OnceValues(func() ([]byte, error) { return s.docsPage(api.OpenAPI()) })
	s.mux.HandleFunc("GET /docs", func(w http.ResponseWriter, r *http.Request) {
		page, err := docs()
		if err != nil {
			s.logger.Error("cannot write the docs page", "error", err)
			writeProblem(w, r, newProblem("internal", "the docs page cannot be written"))
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", docsPolicy())
		_, _ = w.Write(page)
	})
}
