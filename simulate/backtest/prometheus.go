package backtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"headroom.dev/headroom"
)

// mostPoints is a little below the 11,000 points that Prometheus gives for a series at most.
const mostPoints = 10_000

// StepFor is how far apart the points of a range can be asked for: as close as there may be, and not closer than least.
func StepFor(length, least time.Duration) time.Duration {
	step := (length / mostPoints).Truncate(time.Second) + time.Second
	return max(step, least)
}

// FromResult adds up the series of a range query. Points that are no number are left out.
func FromResult(result headroom.QueryResult) (Series, error) {
	sums := map[int64]float64{}
	for _, one := range result.Series {
		for _, point := range one.Points {
			if point.Value != nil {
				sums[point.At.UnixMilli()] += *point.Value
			}
		}
	}
	return summed(sums)
}

func summed(sums map[int64]float64) (Series, error) {
	series := make(Series, 0, len(sums))
	for at, value := range sums {
		if !(value >= 0) || math.IsInf(value, 1) {
			return nil, fmt.Errorf("the load at %s is %v: expected 0 or more", time.UnixMilli(at).UTC().Format(time.RFC3339), value)
		}
		series = append(series, Point{time.UnixMilli(at).UTC(), value})
	}
	slices.SortFunc(series, func(a, b Point) int { return a.At.Compare(b.At) })
	if len(series) < 2 {
		return nil, fmt.Errorf("the query has %d points in that time: expected at least 2", len(series))
	}
	return series, nil
}

// mostAnswer bounds what is read of an answer; 10,000 points of a hundred series are about 30 MB.
const mostAnswer = 64 << 20

// QueryPrometheus asks a server with Prometheus' API for a range and adds up the series. The address may have a path in front of /api/v1.
func QueryPrometheus(ctx context.Context, client *http.Client, address, query string, from, to time.Time) (Series, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the address of a Prometheus, such as http://prometheus:9090", address)
	}
	seconds := func(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }
	form := url.Values{"query": {query}, "start": {seconds(from)}, "end": {seconds(to)},
		"step": {strconv.Itoa(int(StepFor(to.Sub(from), 15*time.Second).Seconds()))}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base.JoinPath("api/v1/query_range").String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask Prometheus: %w", err)
	}
	defer response.Body.Close()
	var answer struct {
		Error string `json:"error"`
		Data  struct {
			ResultType string `json:"resultType"`
			Result     []struct {
				Values [][2]json.RawMessage `json:"values"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, mostAnswer)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s answered %s, which is not Prometheus' form: %w", address, response.Status, err)
	}
	if response.StatusCode != http.StatusOK || answer.Data.ResultType != "matrix" {
		return nil, fmt.Errorf("%s answered %s: %s", address, response.Status, answer.Error)
	}
	sums := map[int64]float64{}
	for _, series := range answer.Data.Result {
		for _, pair := range series.Values {
			var at float64
			var text string
			if json.Unmarshal(pair[0], &at) != nil || json.Unmarshal(pair[1], &text) != nil || !(math.Abs(at) <= mostSeconds) {
				return nil, fmt.Errorf("%s answered a point %s, %s: expected seconds and a number", address, pair[0], pair[1])
			}
			if value, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(value) {
				sums[int64(math.Round(at*1000))] += value
			}
		}
	}
	return summed(sums)
}
