package h2

import "time"

// Limits against peers that make work without asking for any. One account holds all frames that do not carry a request or body
// forward (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, unknown types and frames on closed streams): CVE-2019-9511, -9512,
// -9513, -9515, -9517 and -9518. Each costs credit, frames of use earn it back, and so does time, for connections that only stay alive.
const (
	// noiseCredit is what a connection has at the beginning and the most that it can have: what nghttp2 lets be outstanding.
	noiseCredit = 1000
	// noisePerSecond is earned by time. A client that does nothing but ping does it a few times a second at most.
	noisePerSecond = 100
	// headEarns, for a request or response head: Envoy grants 5 WINDOW_UPDATE and 100 PRIORITY a stream; clients send two or three.
	headEarns = 10
	// dataEarns, for a DATA frame that is not empty, in either direction: simple receivers answer each with a WINDOW_UPDATE for the
	// stream and one for the connection; gRPC pings once for what it has received.
	dataEarns = 3
	// frameCost is what one frame of no use costs.
	frameCost = 1
	// settingsCost is that of SETTINGS, which touches every stream: a peer that means well sends a handful.
	settingsCost = 20

	// resetWindow and resetsAllowed: more resets in 10 s than requests completed in them plus 200 is not canceling but CVE-2023-44487
	// (rapid reset) or CVE-2025-8671 (the client provokes that we reset). nginx allows 100 + 2 in 100 requests, Envoy 100 a connection.
	resetWindow   = 10 * time.Second
	resetsAllowed = 200

	// maxContinuations of one head (CVE-2023-45288), as nghttp2: 9 frames are 147 KB, twice the largest head.
	maxContinuations = 8

	// maxInterim is the most 1xx heads of one response. Informational responses come once or twice.
	maxInterim = 16
)

var (
	errFlood      = connError(EnhanceYourCalm, "too many frames that carry nothing")
	errResetFlood = connError(EnhanceYourCalm, "too many streams were reset")
)

// guard is the account of one connection. It is guarded by conn.mu.
type guard struct {
	credit   int
	refilled time.Time

	resets, completed int
	since             time.Time
}

func newGuard(now time.Time) guard {
	return guard{credit: noiseCredit, refilled: now, since: now}
}

// noise pays for a frame of no use; false if the credit is used up. It looks at the clock only then.
func (g *guard) noise(cost int) bool {
	g.credit -= cost
	if g.credit >= 0 {
		return true
	}
	now := time.Now()
	earned := now.Sub(g.refilled).Seconds() * noisePerSecond
	g.refilled = now
	g.credit += int(min(earned, noiseCredit))
	return g.credit >= 0
}

func (g *guard) earn(n int) { g.credit = min(g.credit+n, noiseCredit) }

// reset notes that a stream was reset before its end; false if there were too many.
func (g *guard) reset() bool {
	if now := time.Now(); now.Sub(g.since) >= resetWindow {
		g.since, g.resets, g.completed = now, 0, 0
	}
	g.resets++
	return g.resets <= resetsAllowed+g.completed
}
