package receive

import (
	"bytes"
	"compress/gzip"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"headroom.dev/headroom"
)

type written struct {
	at   time.Time
	bits uint64
}

func number(value float64, at time.Time) written { return written{at, math.Float64bits(value)} }

// series is a field of a WriteRequest, https://prometheus.io/docs/specs/prw/remote_write_spec/#protocol.
func series(labels []string, samples ...written) []byte {
	message := func(into []byte, number protowire.Number, inner []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(into, number, protowire.BytesType), inner)
	}
	var inner []byte
	for i := 0; i < len(labels); i += 2 {
		inner = message(inner, 1, message(message(nil, 1, []byte(labels[i])), 2, []byte(labels[i+1])))
	}
	for _, s := range samples {
		sample := protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), s.bits)
		sample = protowire.AppendVarint(protowire.AppendTag(sample, 2, protowire.VarintType), uint64(s.at.UnixMilli()))
		inner = message(inner, 2, sample)
	}
	return message(nil, 1, inner)
}

func packed(parts ...[]byte) []byte { return snappy.Encode(nil, bytes.Join(parts, nil)) }

func TestRemoteWriteBecomesValues(t *testing.T) {
	before, after := noon.Add(-time.Second), noon.Add(time.Hour)
	metadata := []byte{3<<3 | 2, 0} // WriteRequest.metadata
	got, err := RemoteWrite(packed(metadata,
		series([]string{"__name__", "orders", "city", "berlin"}, number(5, before), number(7, noon), number(6, before)),
		series([]string{"__name__", "orders", "city", "paris"}, number(3, before), written{noon, staleMarker}),
		series([]string{"__name__", "ahead"}, number(1, after)),
		series([]string{"__name__", "ratio"}, number(math.NaN(), noon)),
		series([]string{"__name__", "histogram"}),
		series([]string{"city", "berlin"}, number(1, noon)),
	), noon)
	if err != nil {
		t.Fatal(err)
	}
	want := []headroom.PushedValue{
		{Name: "orders", Labels: map[string]string{"city": "berlin"}, Value: 7, At: noon},
		{Name: "orders", Labels: map[string]string{"city": "paris"}, At: noon, Gone: true},
		{Name: "ahead", Labels: map[string]string{}, Value: 1, At: noon},
	}
	if diff := cmp.Diff(want, got.Values); diff != "" {
		t.Error(diff)
	}
	if got.Rejected != 1 || got.Reason != "a metric has no name" {
		t.Errorf("%d were rejected: %s", got.Rejected, got.Reason)
	}
}

func TestRemoteWriteThatCannotBeReadIsRefused(t *testing.T) {
	many := bytes.Repeat(series([]string{"__name__", "a"}), mostPoints+1)
	for name, c := range map[string]struct {
		body []byte
		why  string
	}{
		"not packed":   {[]byte{0xff}, "not packed with snappy"},
		"cut":          {packed(series([]string{"__name__", "orders"}, number(1, noon)))[:9], "not packed with snappy"},
		"no protobuf":  {snappy.Encode(nil, []byte("orders 7")), "not a WriteRequest"},
		"series":       {packed(many), "more than 10000 series"},
		"a large body": {packed(make([]byte, MostBytes+1)), "has 4194305 bytes when it is unpacked: expected at most 4194304"},
	} {
		if _, err := RemoteWrite(c.body, noon); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: got %v; want %q", name, err, c.why)
		}
	}
}

func TestAPackedBodyIsBoundedWhenItIsUnpacked(t *testing.T) {
	for size, fits := range map[int]bool{100: true, MostBytes: true, MostBytes + 1: false} {
		var body bytes.Buffer
		writer := gzip.NewWriter(&body)
		if _, err := writer.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := Unzip(body.Bytes()); (err == nil) != fits || fits && len(got) != size {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
	if _, err := Unzip([]byte("plain")); err == nil || !strings.Contains(err.Error(), "not gzip") {
		t.Errorf("got %v", err)
	}
}

func FuzzRemoteWrite(f *testing.F) {
	f.Add(series([]string{"__name__", "orders", "city", "berlin"}, number(5, noon), written{noon, staleMarker}), true)
	f.Add([]byte{0xff, 0x01}, false)
	f.Fuzz(func(t *testing.T, body []byte, pack bool) {
		if pack {
			body = snappy.Encode(nil, body)
		}
		batch, err := RemoteWrite(body, noon)
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
