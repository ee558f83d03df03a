package headroom

import (
	"cmp"
	"time"
)

// RateLimit bounds how many requests of one kind there may be in a time. It is a token bucket in the form of GCRA: over a long time exactly
// Requests in each Period pass, and after a pause Burst at once.
type RateLimit struct {
	Name      string   `json:"name" doc:"unique in its service: names it in answers, metrics and the access log; lower-case letters, digits and dashes" example:"per-client"`
	Requests  int      `json:"requests" minimum:"1" maximum:"1000000000" doc:"how many in a period, at most 1,000,000 a second" example:"100"`
	Period    Duration `json:"period" default:"1s" doc:"in which time" example:"1m"`
	Burst     int      `json:"burst,omitempty" minimum:"1" maximum:"1000000000" doc:"how many at once after a pause; default as many as in a period" example:"20"`
	By        []string `json:"by,omitempty" doc:"what is counted apart: ip (of IPv6 the /64), route, header:NAME, cookie:NAME, expression; several are one key together; [all] counts all requests as one; default [ip]" example:"['header:X-Api-Key']"`
	Key       string   `json:"key,omitempty" doc:"of expression: a text, in CEL, that requests are counted apart by" example:"request.path.split('/')[1]"`
	When      string   `json:"when,omitempty" doc:"a condition, in CEL: other requests do not count" example:"request.method == 'POST'"`
	Cost      string   `json:"cost,omitempty" doc:"a number, in CEL: as how many requests one counts, 0 to 1,000,000; default 1" example:"request.path.startsWith('/search') ? 10 : 1"`
	Except    []string `json:"except,omitempty" doc:"networks whose requests do not count" example:"[10.0.0.0/8]"`
	Shared    bool     `json:"shared,omitempty" doc:"counted together with other balancers, in Redis; without it each balancer counts for itself" example:"true"`
	OnFailure string   `json:"onFailure" default:"share" enum:"share,refuse" doc:"of a shared one while Redis is away: share lets each balancer count its share, refuse answers 503"`
	DryRun    bool     `json:"dryRun,omitempty" doc:"count and report, but refuse nothing" example:"true"`
	MaxKeys   int      `json:"maxKeys" default:"100000" minimum:"64" maximum:"10000000" doc:"how many keys are counted apart at most, 16 bytes each; what more there are share the room of those that were seen least"`
}

// What requests can be counted apart by, in RateLimit.By. Those of header and cookie are followed by a name.
const (
	LimitByAll        = "all"
	LimitByIP         = "ip"
	LimitByRoute      = "route"
	LimitByExpression = "expression"
	LimitByHeader     = "header:"
	LimitByCookie     = "cookie:"
)

// Most is how many requests may come at once after a pause.
func (r RateLimit) Most() int { return cmp.Or(r.Burst, r.Requests) }

// Interval is the time that one request takes from the limit: 100 a second are one each 10 ms.
func (r RateLimit) Interval() time.Duration {
	return time.Duration(r.Period) / time.Duration(max(1, r.Requests))
}

// Redis is where limits are counted that several balancers share. Version 5 or newer, or what speaks its protocol.
type Redis struct {
	Address  string `json:"address,omitempty" doc:"host:port; without it no limit can be shared" example:"127.0.0.1:6379"`
	Username string `json:"username,omitempty" doc:"user of its access control list" example:"headroom"`
	Password string `json:"password,omitempty" secret:"true" doc:"better given as file:PATH" example:"file:/etc/headroom/redis-password"`
	Database int    `json:"database,omitempty" minimum:"0" maximum:"1000" doc:"number of the database" example:"1"`
	TLS      bool   `json:"tls,omitempty" doc:"speak TLS" example:"true"`
	CA       string `json:"ca,omitempty" doc:"PEM file of the authorities that its certificate is verified with; default those of the system" example:"redis-ca.pem"`
	Prefix   string `json:"prefix" default:"headroom" doc:"its keys begin with this and a colon: balancers that share limits have the same" example:"headroom-eu"`
}

// RateLimitMeasurement is what one limit counted in the window.
type RateLimitMeasurement struct {
	Limit  string          `json:"limit"`
	DryRun bool            `json:"dryRun,omitempty"` // what it counts as limited has passed
	Counts RateLimitCounts `json:"counts"`
	// Most are the keys that were refused most in about the last minute, the first in front.
	Most []LimitedKey `json:"most,omitempty"`
}

// RateLimitCounts counts requests that a limit was asked about.
type RateLimitCounts struct {
	Allowed  uint64 `json:"allowed,omitempty"`
	Limited  uint64 `json:"limited,omitempty"`
	Fallback uint64 `json:"fallback,omitempty"` // of the two: counted by the balancer's share, since Redis was away
	Unknown  uint64 `json:"unknown,omitempty"`  // refused with 503, since Redis was away
	Crowded  uint64 `json:"crowded,omitempty"`  // counted together with other keys: there were more than maxKeys
}

// Plus adds two counts.
func (c RateLimitCounts) Plus(d RateLimitCounts) RateLimitCounts {
	return RateLimitCounts{
		Allowed: c.Allowed + d.Allowed, Limited: c.Limited + d.Limited, Fallback: c.Fallback + d.Fallback, Unknown: c.Unknown + d.Unknown,
		Crowded: c.Crowded + d.Crowded,
	}
}

// LimitedKey is a key of which requests were refused.
type LimitedKey struct {
	// Key is an address, or a path; values of header fields, cookies and expressions are shown by the first digits of their SHA-256.
	Key     string `json:"key" example:"203.0.113.7"`
	Limited int64  `json:"limited"` // in about the last minute
}
