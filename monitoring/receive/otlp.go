package receive

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"headroom.dev/headroom"
)

// Encoding is how a message of OTLP is written.
type Encoding string

// The encodings of OTLP/HTTP, which are also its content types.
const (
	Protobuf Encoding = "application/x-protobuf"
	JSON     Encoding = "application/json"
)

// OTLP reads an ExportMetricsServiceRequest: the points of gauges and sums, and the sums and counts of histograms and summaries as NAME_sum and
// NAME_count. The attributes of a point and of its resource are its labels. Times after now become now, as do absent ones.
func OTLP(body []byte, encoding Encoding, now time.Time) (Batch, error) {
	request := pmetricotlp.NewExportRequest()
	var err error
	if encoding == JSON {
		err = request.UnmarshalJSON(body)
	} else if err = weigh(body); err == nil {
		err = request.UnmarshalProto(body)
	}
	if err != nil {
		return Batch{}, fmt.Errorf("the body is not an ExportMetricsServiceRequest of OTLP in %s: %w", encoding, err)
	}
	if points := request.Metrics().DataPointCount(); points > mostPoints {
		return Batch{}, fmt.Errorf("the request has %d data points: expected at most %d", points, mostPoints)
	}
	reading := &otlp{now: now}
	for _, resource := range request.Metrics().ResourceMetrics().All() {
		reading.resource = labelsOf(resource.Resource().Attributes(), ofResource)
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				reading.metric(metric)
			}
		}
	}
	return reading.batch, nil
}

// otlp is a request that is being read.
type otlp struct {
	now      time.Time
	resource map[string]string // its attributes
	batch    Batch
}

func (o *otlp) metric(metric pmetric.Metric) {
	name := metric.Name()
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		o.numbers(name, metric.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		o.numbers(name, metric.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		for _, point := range metric.Histogram().DataPoints().All() {
			o.distribution(name, point, point.HasSum())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, point := range metric.ExponentialHistogram().DataPoints().All() {
			o.distribution(name, point, point.HasSum())
		}
	case pmetric.MetricTypeSummary:
		for _, point := range metric.Summary().DataPoints().All() {
			o.distribution(name, point, true)
		}
	}
}

func (o *otlp) numbers(name string, points pmetric.NumberDataPointSlice) {
	for _, point := range points.All() {
		switch {
		case point.Flags().NoRecordedValue():
			o.end(name, point)
		case point.ValueType() == pmetric.NumberDataPointValueTypeInt:
			o.add(name, point, float64(point.IntValue()))
		case point.ValueType() == pmetric.NumberDataPointValueTypeDouble:
			o.add(name, point, point.DoubleValue())
		default:
			o.batch.reject(fmt.Errorf("%s has a data point without a value", clip(name)))
		}
	}
}

// point is what the data points of all kinds have.
type point interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
}

// distribution is what histograms and summaries have too.
type distribution interface {
	point
	Flags() pmetric.DataPointFlags
	Count() uint64
	Sum() float64
}

// distribution takes the sum and the count; a histogram of values below zero has no sum.
func (o *otlp) distribution(name string, point distribution, hasSum bool) {
	if point.Flags().NoRecordedValue() {
		o.end(name+"_count", point)
		o.end(name+"_sum", point)
		return
	}
	o.add(name+"_count", point, float64(point.Count()))
	if hasSum {
		o.add(name+"_sum", point, point.Sum())
	}
}

func (o *otlp) add(name string, point point, value float64) {
	o.batch.add(headroom.PushedValue{Name: name, Labels: o.labels(point), Value: value, At: o.at(point)}, o.now)
}

// end is for a series whose sender says that there is no value any more.
func (o *otlp) end(name string, point point) {
	o.batch.add(headroom.PushedValue{Name: name, Labels: o.labels(point), At: o.at(point), Gone: true}, o.now)
}

func (o *otlp) at(point point) time.Time {
	if point.Timestamp() == 0 {
		return o.now
	}
	return point.Timestamp().AsTime()
}

// labels of a point go before those of its resource.
func (o *otlp) labels(point point) map[string]string {
	labels := maps.Clone(o.resource)
	maps.Copy(labels, labelsOf(point.Attributes(), func(string, string) bool { return true }))
	return labels
}

// labelsOf makes labels of the attributes that are wanted and that are one text, number or truth.
func labelsOf(attributes pcommon.Map, wanted func(name, text string) bool) map[string]string {
	labels := make(map[string]string, attributes.Len())
	for name, value := range attributes.All() {
		switch value.Type() {
		case pcommon.ValueTypeStr, pcommon.ValueTypeInt, pcommon.ValueTypeDouble, pcommon.ValueTypeBool:
			if text := value.AsString(); wanted(name, text) {
				labels[name] = text
			}
		}
	}
	return labels
}

// ofResource leaves out what would make each of a resource's series too large, and command lines, in which there may be passwords.
func ofResource(name, text string) bool {
	return name != "" && len(name) <= mostName && len(text) <= mostText && !strings.HasPrefix(name, "process.command")
}

func clip(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
