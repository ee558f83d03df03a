package metrics

import (
	"math"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"headroom.dev/headroom"
)

// plain copies a value of the engine into the vocabulary's types, since the engine reuses its
// points. Native histograms are never written by this package, so only floats are looked at.
func plain(value parser.Value) headroom.QueryResult {
	result := headroom.QueryResult{Type: string(value.Type()), Series: []headroom.Series{}}
	switch v := value.(type) {
	case promql.Scalar:
		result.Series = append(result.Series, headroom.Series{Labels: map[string]string{}, Points: []headroom.Point{point(v.T, v.V)}})
	case promql.String:
		text := headroom.Point{At: time.UnixMilli(v.T).UTC(), Text: v.V}
		result.Series = append(result.Series, headroom.Series{Labels: map[string]string{}, Points: []headroom.Point{text}})
	case promql.Vector:
		for _, sample := range v {
			result.Series = append(result.Series, headroom.Series{Labels: labelMap(sample.Metric), Points: []headroom.Point{point(sample.T, sample.F)}})
		}
	case promql.Matrix:
		for _, line := range v {
			points := make([]headroom.Point, len(line.Floats))
			for i, f := range line.Floats {
				points[i] = point(f.T, f.F)
			}
			result.Series = append(result.Series, headroom.Series{Labels: labelMap(line.Metric), Points: points})
		}
	}
	return result
}

// point keeps a value that is no number apart from numbers: JSON could not carry it, and a reader
// must not take it for zero.
func point(ms int64, value float64) headroom.Point {
	p := headroom.Point{At: time.UnixMilli(ms).UTC()}
	switch {
	case math.IsNaN(value):
		p.Text = "NaN"
	case math.IsInf(value, 1):
		p.Text = "+Inf"
	case math.IsInf(value, -1):
		p.Text = "-Inf"
	default:
		p.Value = &value
	}
	return p
}

func labelMap(set labels.Labels) map[string]string {
	out := make(map[string]string, set.Len())
	set.Range(func(l labels.Label) { out[l.Name] = l.Value })
	return out
}
