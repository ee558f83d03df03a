package external

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// reference is ScaledObjectRef: who asks.
type reference struct {
	name      string            // 1
	namespace string            // 2
	metadata  map[string]string // 3
}

func (r reference) marshal() []byte {
	out := appendText(nil, 1, r.name)
	out = appendText(out, 2, r.namespace)
	for _, key := range slices.Sorted(maps.Keys(r.metadata)) {
		// An entry of a map has its fields also where they are empty.
		pair := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), key)
		pair = protowire.AppendString(protowire.AppendTag(pair, 2, protowire.BytesType), r.metadata[key])
		out = protowire.AppendBytes(protowire.AppendTag(out, 3, protowire.BytesType), pair)
	}
	return out
}

// metricsRequest is GetMetricsRequest.
type metricsRequest struct {
	of     reference // 1
	metric string    // 2
}

func (r metricsRequest) marshal() []byte {
	out := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), r.of.marshal())
	return appendText(out, 2, r.metric)
}

func appendText(out []byte, field protowire.Number, text string) []byte {
	if text == "" {
		return out
	}
	return protowire.AppendString(protowire.AppendTag(out, field, protowire.BytesType), text)
}

// active is IsActiveResponse.
type active struct{ result bool } // 1

func (a *active) unmarshal(data []byte) error {
	return fields(data, func(f protowire.Number, v value) error {
		if f == 1 {
			a.result = v.bits != 0
		}
		return nil
	})
}

// amounts is GetMetricSpecResponse and GetMetricsResponse, which look alike: MetricSpec is a name and a target, MetricValue a name and a value.
type amounts struct{ list []amountOf } // 1

// amountOf is MetricSpec or MetricValue.
type amountOf struct {
	metric string  // 1
	whole  int64   // 2; deprecated, and all that old scalers know
	float  float64 // 3
}

// amount is the float where it is given, as KEDA takes it.
func (a amountOf) amount() float64 {
	if a.float != 0 {
		return a.float
	}
	return float64(a.whole)
}

func (a *amounts) unmarshal(data []byte) error {
	return fields(data, func(f protowire.Number, v value) error {
		if f != 1 {
			return nil
		}
		one := amountOf{}
		err := fields(v.bytes, func(f protowire.Number, v value) error {
			switch f {
			case 1:
				one.metric = string(v.bytes)
			case 2:
				one.whole = int64(v.bits)
			case 3:
				one.float = math.Float64frombits(v.bits)
			}
			return nil
		})
		a.list = append(a.list, one)
		return err
	})
}

// value is that of one field, by its wire type.
type value struct {
	bits  uint64 // of numbers
	bytes []byte // of texts and messages
}

// fields calls with each field of a message. Those that are not known are for newer versions of the protocol.
func fields(data []byte, each func(protowire.Number, value) error) error {
	for len(data) > 0 {
		field, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		v := value{}
		switch kind {
		case protowire.VarintType:
			v.bits, n = protowire.ConsumeVarint(data)
		case protowire.Fixed64Type:
			v.bits, n = protowire.ConsumeFixed64(data)
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(field, kind, data)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		if err := each(field, v); err != nil {
			return err
		}
	}
	return nil
}

// codec is how gRPC reads and writes the messages.
type codec struct{}

// Name is what servers know the format by.
func (codec) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	message, ok := v.(interface{ marshal() []byte })
	if !ok {
		return nil, fmt.Errorf("%T is not a message that is sent", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(message.marshal())}, nil
}

// Unmarshal implements encoding.CodecV2.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	message, ok := v.(interface{ unmarshal([]byte) error })
	if !ok {
		return fmt.Errorf("%T is not a message that is received", v)
	}
	return message.unmarshal(data.Materialize())
}
