package receive

import (
	"fmt"
	"math"
	"time"

	"github.com/golang/snappy"
	"google.golang.org/protobuf/encoding/protowire"

	"headroom.dev/headroom"
)

// staleMarker is the NaN by which Prometheus says that a series has ended (model/value/value.go, StaleNaN).
const staleMarker = 0x7ff0000000000002

// RemoteWrite reads a request of Prometheus remote write 1.0: a WriteRequest in protobuf, packed with snappy. Of each series the newest sample is taken.
// Metadata, exemplars and native histograms are not signals and left out. Times after now become now.
func RemoteWrite(packed []byte, now time.Time) (Batch, error) {
	size, err := snappy.DecodedLen(packed)
	if err != nil {
		return Batch{}, fmt.Errorf("the body is not packed with snappy: %w", err)
	}
	if size > MostBytes {
		return Batch{}, fmt.Errorf("the body has %d bytes when it is unpacked: expected at most %d", size, MostBytes)
	}
	body, err := snappy.Decode(nil, packed)
	if err != nil {
		return Batch{}, fmt.Errorf("the body is not packed with snappy: %w", err)
	}
	var batch Batch
	series := 0
	err = eachField(body, func(number protowire.Number, field field) error {
		if number != 1 { // timeseries
			return nil
		}
		if series++; series > mostPoints {
			return fmt.Errorf("there are more than %d series", mostPoints)
		}
		return batch.timeSeries(field, now)
	})
	if err != nil {
		return Batch{}, fmt.Errorf("the body is not a WriteRequest of Prometheus remote write 1.0: %w", err)
	}
	return batch, nil
}

// timeSeries reads TimeSeries{labels = 1, samples = 2}.
func (b *Batch) timeSeries(series field, now time.Time) error {
	value := headroom.PushedValue{Labels: map[string]string{}}
	var bits uint64
	var at int64
	found, labels := false, 0
	err := eachField(series.bytes, func(number protowire.Number, field field) error {
		switch number {
		case 1:
			if labels++; labels > mostLabels+1 { // its name is one of them
				return nil
			}
			name, text, err := label(field)
			if name == "__name__" {
				value.Name = text
			} else {
				value.Labels[name] = text
			}
			return err
		case 2:
			sample, time, err := sample(field)
			if !found || time >= at {
				bits, at, found = sample, time, true
			}
			return err
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case !found:
		return nil // it has exemplars or histograms alone
	case labels > mostLabels+1:
		b.reject(fmt.Errorf("%s has %d labels: expected at most %d", clip(value.Name), labels-1, mostLabels))
		return nil
	}
	value.At = time.UnixMilli(at)
	value.Value = math.Float64frombits(bits)
	if bits == staleMarker {
		value.Value, value.Gone = 0, true
	}
	if math.IsNaN(value.Value) {
		return nil // a rule that divides by 0 now says so each time; its last value grows old
	}
	b.add(value, now)
	return nil
}

// label reads Label{name = 1, value = 2}.
func label(message field) (name, text string, err error) {
	err = eachField(message.bytes, func(number protowire.Number, field field) error {
		switch number {
		case 1:
			name = string(field.bytes)
		case 2:
			text = string(field.bytes)
		}
		return nil
	})
	return name, text, err
}

// sample reads Sample{value = 1, a double; timestamp = 2, milliseconds}.
func sample(message field) (bits uint64, at int64, err error) {
	err = eachField(message.bytes, func(number protowire.Number, field field) error {
		switch number {
		case 1:
			bits = field.number
		case 2:
			at = int64(field.number)
		}
		return nil
	})
	return bits, at, err
}

// field is what one field of a message holds: bytes, or a number where it is a varint or fixed.
type field struct {
	bytes  []byte
	number uint64
}

// eachField walks over the fields of a message.
func eachField(message []byte, each func(protowire.Number, field) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var of field
		switch kind {
		case protowire.BytesType:
			of.bytes, n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			of.number, n = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			of.number, n = protowire.ConsumeFixed64(message)
		case protowire.Fixed32Type:
			var number uint32
			number, n = protowire.ConsumeFixed32(message)
			of.number = uint64(number)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message) // a group, which no message that is read has
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if err := each(number, of); err != nil {
			return err
		}
	}
	return nil
}
