package process

import (
	"fmt"
	"net"
	"strconv"

	"headroom.dev/headroom"
)

// choosePort finds a port that no replica of this platform has, dead ones included, and that can be bound now. It goes
// round the range, so that a port is not used again at once.
func (p *Platform) choosePort(ports headroom.PortRange) (int, error) {
	if ports.First < 1 || ports.Last > 65535 || ports.First > ports.Last {
		return 0, invalid("run.ports %s is not a range of ports: write such as 20000-29999", ports)
	}
	taken := map[int]bool{}
	p.mu.Lock()
	for _, r := range p.replicas {
		taken[r.Port] = true
	}
	last := p.lastPort
	p.mu.Unlock()
	size := ports.Last - ports.First + 1
	start := ports.First
	if last >= ports.First && last < ports.Last {
		start = last + 1
	}
	for i := range size {
		port := ports.First + (start-ports.First+i)%size
		if taken[port] || !canBind(port) {
			continue
		}
		p.mu.Lock()
		p.lastPort = port
		p.mu.Unlock()
		return port, nil
	}
	return 0, fmt.Errorf("%w: every port of run.ports %s is in use: give a larger range", headroom.ErrNoCapacity, ports)
}

// canBind tries the port on all addresses, which fails where anyone listens on it on any one.
func canBind(port int) bool {
	listener, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
