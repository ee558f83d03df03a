package external

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// protocol is externalscaler.proto (github.com/kedacore/keda, pkg/scalers/externalscaler), as a descriptor.
const protocol = `
name: "externalscaler.proto" package: "externalscaler" syntax: "proto3"
message_type { name: "ScaledObjectRef"
  field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "namespace" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "scalerMetadata" number: 3 type: TYPE_MESSAGE label: LABEL_REPEATED type_name: ".externalscaler.ScaledObjectRef.ScalerMetadataEntry" }
  nested_type { name: "ScalerMetadataEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "value" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL } } }
message_type { name: "IsActiveResponse" field { name: "result" number: 1 type: TYPE_BOOL label: LABEL_OPTIONAL } }
message_type { name: "GetMetricSpecResponse"
  field { name: "metricSpecs" number: 1 type: TYPE_MESSAGE label: LABEL_REPEATED type_name: ".externalscaler.MetricSpec" } }
message_type { name: "MetricSpec"
  field { name: "metricName" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "targetSize" number: 2 type: TYPE_INT64 label: LABEL_OPTIONAL }
  field { name: "targetSizeFloat" number: 3 type: TYPE_DOUBLE label: LABEL_OPTIONAL } }
message_type { name: "GetMetricsRequest"
  field { name: "scaledObjectRef" number: 1 type: TYPE_MESSAGE label: LABEL_OPTIONAL type_name: ".externalscaler.ScaledObjectRef" }
  field { name: "metricName" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL } }
message_type { name: "GetMetricsResponse"
  field { name: "metricValues" number: 1 type: TYPE_MESSAGE label: LABEL_REPEATED type_name: ".externalscaler.MetricValue" } }
message_type { name: "MetricValue"
  field { name: "metricName" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "metricValue" number: 2 type: TYPE_INT64 label: LABEL_OPTIONAL }
  field { name: "metricValueFloat" number: 3 type: TYPE_DOUBLE label: LABEL_OPTIONAL } }
`

// messages are the types of the protocol, by name.
func messages(t *testing.T) protoreflect.MessageDescriptors {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{}
	if err := prototext.Unmarshal([]byte(protocol), file); err != nil {
		t.Fatal(err)
	}
	described, err := protodesc.NewFile(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return described.Messages()
}

// keda is a scaler as protobuf's own runtime makes one: it answers methods with texts of messages.
type keda struct {
	answers map[string]string // by method, as prototext
	asked   chan string       // method and request; may be nil
	hang    bool              // never answers
}

// serve starts the scaler and returns its address.
func (k keda) serve(t *testing.T, address string, options ...grpc.ServerOption) (string, *grpc.Server) {
	t.Helper()
	types := messages(t)
	method := func(name, request, response string) grpc.MethodDesc {
		return grpc.MethodDesc{MethodName: name, Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in, out := dynamicpb.NewMessage(types.ByName(protoreflect.Name(request))), dynamicpb.NewMessage(types.ByName(protoreflect.Name(response)))
			if err := decode(in); err != nil {
				return nil, err
			}
			if k.asked != nil {
				text, err := proto.MarshalOptions{Deterministic: true}.Marshal(in)
				if err != nil {
					return nil, err
				}
				k.asked <- name + " " + string(text)
			}
			if k.hang {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return out, prototext.Unmarshal([]byte(k.answers[name]), out)
		}}
	}
	server := grpc.NewServer(options...)
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "externalscaler.ExternalScaler", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{
		method("IsActive", "ScaledObjectRef", "IsActiveResponse"),
		method("GetMetricSpec", "ScaledObjectRef", "GetMetricSpecResponse"),
		method("GetMetrics", "GetMetricsRequest", "GetMetricsResponse"),
	}}, k)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() { server.Stop(); <-done })
	return listener.Addr().String(), server
}

func protoName(name string) protoreflect.Name { return protoreflect.Name(name) }

func mapKey(key string) protoreflect.MapKey { return protoreflect.ValueOfString(key).MapKey() }
