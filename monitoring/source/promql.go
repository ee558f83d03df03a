package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"headroom.dev/headroom"
)

// errNoSeries is not a zero: a query with a mistyped name gives nothing either. Who means zero writes "or vector(0)".
var errNoSeries = errors.New("the query gave no series; where that means zero, add: or vector(0)")

// prometheus asks a server with Prometheus' query API.
type prometheus struct {
	client *http.Client
	source headroom.PromQLSource
}

func (p prometheus) Read(ctx context.Context) (float64, error) {
	address := strings.TrimSuffix(p.source.URL, "/") + "/api/v1/query?" + url.Values{"query": {p.source.Query}}.Encode()
	body, status, err := fetch(ctx, p.client, address, p.source.Headers)
	if err != nil {
		return 0, err
	}
	return queried(body, status)
}

// queried reads the answer of /api/v1/query: see prometheus.io/docs/prometheus/latest/querying/api.
func queried(body []byte, status int) (float64, error) {
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			ResultType string          `json:"resultType"`
			Result     json.RawMessage `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, fmt.Errorf("the server answered %d %s with what is not Prometheus' JSON: %q", status, http.StatusText(status), clip(string(body)))
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("the server answered %d: %s", status, clip(answer.Error))
	}
	switch answer.Data.ResultType {
	case "scalar":
		return point(answer.Data.Result)
	case "vector":
		var series []struct {
			Value json.RawMessage `json:"value"`
		}
		if err := json.Unmarshal(answer.Data.Result, &series); err != nil {
			return 0, fmt.Errorf("the result is not a vector: %w", err)
		}
		if len(series) == 0 {
			return 0, errNoSeries
		}
		sum := 0.0
		for _, one := range series {
			value, err := point(one.Value)
			if err != nil {
				return 0, err
			}
			sum += value
		}
		return sum, nil
	}
	return 0, fmt.Errorf("the query gave a %q: it must give a scalar or an instant vector", clip(answer.Data.ResultType))
}

// point is [1435781451.781, "1"].
func point(raw json.RawMessage) (float64, error) {
	var pair []any
	if err := json.Unmarshal(raw, &pair); err != nil || len(pair) != 2 {
		return 0, fmt.Errorf("the result has no value: %q", clip(string(raw)))
	}
	text, _ := pair[1].(string)
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("the result's value is not a number: %q", clip(text))
	}
	return value, nil
}

// ownMetrics asks headroom's own monitor.
type ownMetrics struct {
	query Query
	expr  string
}

func (o ownMetrics) Read(ctx context.Context) (float64, error) {
	result, err := o.query(ctx, o.expr, time.Now())
	if err != nil {
		return 0, err
	}
	if result.Type != "scalar" && result.Type != "vector" {
		return 0, fmt.Errorf("the query gave a %q: it must give a scalar or an instant vector", result.Type)
	}
	sum, found := 0.0, false
	for _, series := range result.Series {
		for _, p := range series.Points {
			if p.Value == nil {
				return 0, fmt.Errorf("the query gave %s, which is not a number that can be scaled on", p.Text)
			}
			sum, found = sum+*p.Value, true
		}
	}
	if !found {
		return 0, errNoSeries
	}
	return sum, nil
}
