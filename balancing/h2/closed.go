package h2

// howClosed is how a stream ended, which decides what a late frame on it means (RFC 9113 section 5.1).
type howClosed uint8

const (
	forgotten howClosed = iota
	byReset             // this side reset it: the peer may not know yet, so what comes is ignored
	byPeer              // the peer reset it
	inOrder             // both sides have ended it
)

// remembered is how many closed streams are remembered: twice the resets that a peer may provoke before it is sent away.
const remembered = 512

// closedStreams remembers the streams that were closed last. Looking one up is slow, and rare.
type closedStreams struct {
	ring []closedStream
	next int
}

type closedStream struct {
	id  uint32
	how howClosed
}

func (c *closedStreams) add(id uint32, how howClosed) {
	if len(c.ring) < remembered {
		c.ring = append(c.ring, closedStream{id, how})
		return
	}
	c.ring[c.next] = closedStream{id, how}
	c.next = (c.next + 1) % remembered
}

func (c *closedStreams) find(id uint32) howClosed {
	for i := range c.ring {
		if c.ring[i].id == id {
			return c.ring[i].how
		}
	}
	return forgotten
}
