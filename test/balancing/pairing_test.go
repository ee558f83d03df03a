package balancing

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"headroom.dev/headroom/test/balancing/pairing"
)

// pairingTime is how long requests are sent; `make soak` sends millions.
const pairingTime = 15 * time.Second

func TestNoResponseEverReachesAnotherRequest(t *testing.T) {
	seed := rand.Uint64() >> 1
	if text := os.Getenv("HEADROOM_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("HEADROOM_SEED: %v", err)
		}
	}
	t.Logf("HEADROOM_SEED=%d repeats what the clients send", seed)
	var origins []*pairing.Origin
	var addresses []string
	for i := range uint64(3) {
		o := pairing.Listen(t, seed+i)
		origins, addresses = append(origins, o), append(addresses, o.Address())
	}
	b := balance(t, [][]string{addresses})
	ctx, cancel := context.WithTimeout(t.Context(), pairingTime)
	defer cancel()
	report, err := pairing.Run(ctx, b.listens[0], origins, seed, 16)
	if err != nil {
		t.Error(err)
	}
	pairing.Check(t, report)
}
