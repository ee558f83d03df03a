package soak_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"headroom.dev/headroom/test/balancing/pairing"
	"headroom.dev/headroom/test/system"
)

const pairingConfig = `
api: {listen: API}
services:
  shop:
    backends: [{address: '%s'}, {address: '%s'}, {address: '%s'}]
    loadBalancing: {listen: TRAFFIC, healthCheck: {enabled: false}, circuitBreaker: {enabled: false}}
`

// However long clients abort, reset and pipeline, and backends misbehave behind their responses, none gets what is another's.
func TestSoakPairsEveryResponseWithItsRequest(t *testing.T) {
	text := os.Getenv("HEADROOM_SOAK")
	if text == "" {
		t.Skip("HEADROOM_SOAK is not set: give it a duration such as 10m, or run make soak")
	}
	length, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("HEADROOM_SOAK: %v", err)
	}
	seed := rand.Uint64()
	origins := []*pairing.Origin{pairing.Listen(t, seed), pairing.Listen(t, seed+1), pairing.Listen(t, seed+2)}
	s := system.New(t, fmt.Sprintf(pairingConfig, origins[0].Address(), origins[1].Address(), origins[2].Address()))
	s.Run()
	ctx, cancel := context.WithTimeout(t.Context(), length/2)
	defer cancel()
	report, err := pairing.Run(ctx, s.Traffic, origins, seed, 32)
	if err != nil {
		t.Error(err)
	}
	pairing.Check(t, report)
}
