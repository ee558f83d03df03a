package proxy

import (
	"net"
	"time"

	"headroom.dev/headroom/balancing/h1"
)

// upstream is one connection to a backend. One goroutine at a time owns it, or the backend's pool.
type upstream struct {
	conn      net.Conn
	peek      *peeker
	reader    h1.Reader
	read      deadline
	write     deadline
	reused    bool // carried a whole exchange before
	idleSince time.Time
}

// dial opens a connection to b.
func dial(b *backend, timeout time.Duration) (*upstream, error) {
	conn, err := net.DialTimeout("tcp", b.address, timeout)
	if err != nil {
		return nil, err
	}
	u := &upstream{conn: conn, peek: newPeeker(conn)}
	u.reader.Reset(conn, make([]byte, bufferSize), h1.Limits{})
	u.read.set = conn.SetReadDeadline
	u.write.set = conn.SetWriteDeadline
	return u, nil
}

func (u *upstream) close() { u.conn.Close() }

// deadline moves a connection's deadline only when it is worth a call: many requests a second need one call a second.
type deadline struct {
	set func(time.Time) error
	at  time.Time
}

// within makes the deadline fall due after d, at the earliest, or up to an eighth earlier if it was set before.
func (d *deadline) within(now time.Time, span time.Duration) {
	want := now.Add(span)
	if ahead := want.Sub(d.at); ahead >= 0 && ahead <= span/8 {
		return
	}
	d.at = want
	d.set(want)
}

// exactly sets the deadline to at.
func (d *deadline) exactly(at time.Time) {
	d.at = at
	d.set(at)
}

// none takes the deadline away.
func (d *deadline) none() {
	d.at = time.Time{}
	d.set(time.Time{})
}
