package process

import (
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestAReplicaIsNotReadyWhileAReplicaOfAnotherHeadroomAnswersOnItsPort(t *testing.T) {
	ours, theirs := newPlatform(t, t.TempDir()), newPlatform(t, t.TempDir())
	onePort := headroom.PortRange{First: 24950, Last: 24950}
	order := growth("sleep", "shop-1") // never listens, so the other can take its port
	order.Workload.Run.Ports = onePort
	grow(t, ours, order)
	order = growth("serve", "shop-1")
	order.Workload.Run.Ports = onePort
	grow(t, theirs, order)
	awaitReady(t, theirs, 1)

	deadline, poll := time.After(10*time.Second), time.NewTicker(10*time.Millisecond) // what a probe said makes no event
	defer poll.Stop()
	for {
		inventory, err := ours.Inventory(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		replica := inventory.Replicas[0]
		if replica.State == headroom.ReplicaReady {
			t.Fatal("it is taken as ready")
		}
		if strings.Contains(replica.Detail, "port 24950 is answered by a replica of another headroom") {
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("the stranger is not named: %q", replica.Detail)
		}
	}
}
