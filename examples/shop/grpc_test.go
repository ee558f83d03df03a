package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The client is Google's own. A StringValue has its text in field 1, as the answer of Identify has.
func TestClientsOfGRPCUnderstandTheShop(t *testing.T) {
	for flag, want := range map[string]grpc_health_v1.HealthCheckResponse_ServingStatus{
		"--latency=1ms":   grpc_health_v1.HealthCheckResponse_SERVING,
		"--never-healthy": grpc_health_v1.HealthCheckResponse_NOT_SERVING,
	} {
		_, address, _ := process(t, flag)
		conn, err := grpc.NewClient(strings.TrimPrefix(address, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		health, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		if err != nil || health.GetStatus() != want {
			t.Errorf("shop %s: got %v, %v, want %v", flag, health, err, want)
		}
		var replica wrapperspb.StringValue
		if err := conn.Invoke(ctx, "/shop.Shop/Identify", &emptypb.Empty{}, &replica); err != nil || replica.GetValue() != "shop-7" {
			t.Errorf("Identify: got %q, %v, want shop-7", replica.GetValue(), err)
		}
	}
}
