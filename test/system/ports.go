package system

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports of tests lie below those that the kernel gives to outgoing connections (from 32768 on), so that no client, while
// it knocks at a headroom that is down, can be given the very port that headroom is about to take again; and beside those
// that replicas get where the config says nothing (20000-29999).
const (
	firstPort     = 10000
	portsPerTest  = 100
	blocksOfPorts = 100
)

// claimPorts gives a test a block of ports of its own: its first port is held until the test ends, so that no test of
// another process takes the block, and the others are returned as a range that begins at first.
func claimPorts(t testing.TB) (first int) {
	t.Helper()
	start := rand.IntN(blocksOfPorts)
	for i := range blocksOfPorts {
		block := firstPort + (start+i)%blocksOfPorts*portsPerTest
		held, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", block))
		if err != nil {
			continue
		}
		t.Cleanup(func() { held.Close() })
		return block + 1
	}
	t.Fatalf("all %d blocks of ports from %d on are taken", blocksOfPorts, firstPort)
	return 0
}
