package receive

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"headroom.dev/headroom"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// shopMetrics is what a shop's collector sends.
func shopMetrics() pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	resource := metrics.ResourceMetrics().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "shop")
	resource.Resource().Attributes().PutStr("process.command_line", "shop --password=secret")
	resource.Resource().Attributes().PutStr("env", "live")
	resource.Resource().Attributes().PutEmptySlice("process.tags").AppendEmpty().SetStr("list")
	all := resource.ScopeMetrics().AppendEmpty().Metrics()

	open := all.AppendEmpty()
	open.SetName("orders.open")
	points := open.SetEmptyGauge().DataPoints()
	for _, of := range []struct {
		city  string
		value int64
	}{{"berlin", 7}, {"paris", 2}} {
		point := points.AppendEmpty()
		point.SetIntValue(of.value)
		point.SetTimestamp(pcommon.NewTimestampFromTime(noon.Add(-time.Second)))
		point.Attributes().PutStr("city", of.city)
		point.Attributes().PutInt("shard", 3)
		point.Attributes().PutBool("vip", true)
	}
	points.At(1).Attributes().PutStr("env", "test") // goes before the resource's
	points.AppendEmpty()                            // has no value
	points.AppendEmpty().SetDoubleValue(math.NaN())

	ended := points.AppendEmpty()
	ended.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	ended.SetTimestamp(pcommon.NewTimestampFromTime(noon))

	sold := all.AppendEmpty()
	sold.SetName("sold")
	sold.SetEmptySum().DataPoints().AppendEmpty().SetDoubleValue(1.5) // at no time

	wait := all.AppendEmpty()
	wait.SetName("wait")
	histogram := wait.SetEmptyHistogram().DataPoints().AppendEmpty()
	histogram.SetCount(4)
	histogram.SetSum(2.5)
	histogram.SetTimestamp(pcommon.NewTimestampFromTime(noon.Add(time.Hour))) // a fast clock

	change := all.AppendEmpty()
	change.SetName("change")
	change.SetEmptyExponentialHistogram().DataPoints().AppendEmpty().SetCount(9) // of values below zero: without a sum
	return metrics
}

func TestOTLPBecomesValues(t *testing.T) {
	request := pmetricotlp.NewExportRequestFromMetrics(shopMetrics())
	shop := map[string]string{"service.name": "shop", "env": "live"}
	want := []headroom.PushedValue{
		{Name: "orders.open", Value: 7, At: noon.Add(-time.Second),
			Labels: map[string]string{"service.name": "shop", "env": "live", "city": "berlin", "shard": "3", "vip": "true"}},
		{Name: "orders.open", Value: 2, At: noon.Add(-time.Second),
			Labels: map[string]string{"service.name": "shop", "env": "test", "city": "paris", "shard": "3", "vip": "true"}},
		{Name: "orders.open", At: noon, Labels: shop, Gone: true},
		{Name: "sold", Value: 1.5, At: noon, Labels: shop},
		{Name: "wait_count", Value: 4, At: noon, Labels: shop},
		{Name: "wait_sum", Value: 2.5, At: noon, Labels: shop},
		{Name: "change_count", Value: 9, At: noon, Labels: shop},
	}
	for encoding, marshal := range map[Encoding]func() ([]byte, error){Protobuf: request.MarshalProto, JSON: request.MarshalJSON} {
		body, err := marshal()
		if err != nil {
			t.Fatal(err)
		}
		if encoding == JSON {
			body = []byte(strings.ReplaceAll(string(body), `"NaN"`, `1e308`)) // what is not finite is tried in protobuf
		}
		got, err := OTLP(body, encoding, noon)
		if err != nil {
			t.Fatalf("%s: %v", encoding, err)
		}
		if encoding == JSON {
			got.Values = slices.DeleteFunc(got.Values, func(v headroom.PushedValue) bool { return v.Value == 1e308 })
			got.Rejected++
		}
		if diff := cmp.Diff(want, got.Values); diff != "" {
			t.Errorf("%s: %s", encoding, diff)
		}
		if got.Rejected != 2 || got.Reason != "orders.open has a data point without a value" {
			t.Errorf("%s: %d were rejected: %s", encoding, got.Rejected, got.Reason)
		}
	}
}

func TestOTLPThatIsTooMuchIsRefused(t *testing.T) {
	many := pmetric.NewMetrics()
	metric := many.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName("many")
	for points, n := metric.SetEmptyGauge().DataPoints(), 0; n <= mostPoints; n++ {
		points.AppendEmpty().SetIntValue(1)
	}
	tooMany, err := pmetricotlp.NewExportRequestFromMetrics(many).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body     []byte
		encoding Encoding
		why      string
	}{
		"points":          {tooMany, Protobuf, "has 10001 data points: expected at most 10000"},
		"messages":        {[]byte(strings.Repeat("\x0a\x00", MostBytes/2)), Protobuf, "more than 40000 resources, scopes, metrics and points"},
		"nested protobuf": {nestedAttribute(), Protobuf, "attributes are nested too deeply"},
		"nested JSON": {[]byte(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"a","value":` +
			strings.Repeat(`{"arrayValue":{"values":[`, MostBytes/30)), JSON, "is not an ExportMetricsServiceRequest of OTLP in application/json"},
		"no protobuf": {[]byte("orders 7"), Protobuf, "is not an ExportMetricsServiceRequest of OTLP in application/x-protobuf"},
		"no JSON":     {[]byte("orders 7"), JSON, "is not an ExportMetricsServiceRequest of OTLP in application/json"},
	} {
		if _, err := OTLP(c.body, c.encoding, noon); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: got %.300v; want %q", name, err, c.why)
		}
	}
}

// nestedAttribute is a resource's attribute that is a list in a list in a list, as deep as a body is long. It is built from its end.
func nestedAttribute() []byte {
	var reversed []byte
	wrap := func(tag byte) {
		length := binary.AppendUvarint(nil, uint64(len(reversed)))
		slices.Reverse(length)
		reversed = append(append(reversed, length...), tag)
	}
	for len(reversed) < MostBytes-100 {
		wrap(1<<3 | 2) // ArrayValue.values
		wrap(5<<3 | 2) // AnyValue.array_value
	}
	wrap(2<<3 | 2) // KeyValue.value
	wrap(1<<3 | 2) // Resource.attributes
	wrap(1<<3 | 2) // ResourceMetrics.resource
	wrap(1<<3 | 2) // ExportMetricsServiceRequest.resource_metrics
	slices.Reverse(reversed)
	return reversed
}

func TestNumbersThatCannotBeTakenAreNamed(t *testing.T) {
	labels := map[string]string{}
	for n := range mostLabels + 1 {
		labels[strings.Repeat("x", n+1)] = "1"
	}
	for why, value := range map[string]headroom.PushedValue{
		"a metric has no name":                               {Value: 1},
		"has 201 bytes: expected at most 200":                {Name: strings.Repeat("n", 201)},
		"orders is +Inf: expected a finite number":           {Name: "orders", Value: math.Inf(1)},
		"orders has 65 labels: expected at most 64":          {Name: "orders", Labels: labels},
		`its label "" has 0 bytes: expected 1 to 200`:        {Name: "orders", Labels: map[string]string{"": "a"}},
		"its label city has 201 bytes: expected at most 200": {Name: "orders", Labels: map[string]string{"city": strings.Repeat("c", 201)}},
	} {
		var batch Batch
		batch.add(value, noon)
		batch.add(headroom.PushedValue{Name: "good", At: noon}, noon)
		if batch.Rejected != 1 || len(batch.Values) != 1 || !strings.Contains(batch.Reason, why) {
			t.Errorf("got %d values and %q; want one, and %q", len(batch.Values), batch.Reason, why)
		}
	}
}

func FuzzOTLP(f *testing.F) {
	request := pmetricotlp.NewExportRequestFromMetrics(shopMetrics())
	for json, marshal := range map[bool]func() ([]byte, error){false: request.MarshalProto, true: request.MarshalJSON} {
		body, err := marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, json)
	}
	f.Fuzz(func(t *testing.T, body []byte, json bool) {
		encoding := Protobuf
		if json {
			encoding = JSON
		}
		batch, err := OTLP(body, encoding, noon)
		if err != nil && len(batch.Values) > 0 {
			t.Error("values beside an error")
		}
		for _, value := range batch.Values {
			if err := acceptable(value); err != nil || value.At.After(noon) {
				t.Errorf("%+v was taken: %v", value, err)
			}
		}
	})
}
