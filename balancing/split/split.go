// Package split chooses which variant of a service gets a request: by what the request shows, or by weight, so that a user stays on one variant
// although nobody remembers users. It is pure.
package split

import (
	"math/bits"
	"net/netip"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/edit"
	"headroom.dev/headroom/balancing/h1"
)

// Splitter is a compiled headroom.Split. It is immutable and safe for concurrent use.
type Splitter struct {
	by       headroom.SplitBy
	name     string
	seed     uint64
	variants []variant
	total    uint64
}

type variant struct {
	service string
	weight  uint64
	shown   bool // by headers and cookies
	headers edit.Values
	cookies edit.Values
}

// New compiles the valid split of a service, whose name makes that users who are first in one split are not so in all. Nil where there is no variant.
func New(service string, settings headroom.Split) *Splitter {
	if len(settings.Variants) == 0 {
		return nil
	}
	s := &Splitter{by: settings.By, name: settings.Name, seed: hash([]byte(service), 0)}
	if s.by == headroom.SplitByCookie && s.name == "" {
		s.name = headroom.DefaultSplitCookie
	}
	for _, v := range settings.Variants {
		s.variants = append(s.variants, variant{
			service: v.Service, weight: uint64(max(0, v.Weight)), shown: len(v.Headers)+len(v.Cookies) > 0,
			headers: edit.NewValues(v.Headers), cookies: edit.NewValues(v.Cookies),
		})
		s.total += uint64(max(0, v.Weight))
	}
	return s
}

// Services names the variants, by their index.
func (s *Splitter) Services() []string {
	names := make([]string, len(s.variants))
	for i := range s.variants {
		names[i] = s.variants[i].service
	}
	return names
}

// Cookie is the name of the cookie that users are known by; empty where they are not known by one.
func (s *Splitter) Cookie() string {
	if s.by != headroom.SplitByCookie {
		return ""
	}
	return s.name
}

// None is what Choose returns where all weights are 0.
const None = -1

// Choose returns the index of the variant for a request. lot is random; it decides where the request shows nothing that a user could be known by, and
// then anonymous is true. With a cookie, the lot in the form of ID is what such a user gets as the cookie's value, and is on this variant with from
// then on.
//
// The variants lie on a line in their order, each as long as its weight, and a user's place on it is a hash: where a weight grows by some share,
// only that share of the users moves.
func (s *Splitter) Choose(r *h1.Request, client netip.Addr, lot uint64) (index int, anonymous bool) {
	for i := range s.variants {
		if v := &s.variants[i]; v.shown && v.headers.Met(r.Field) && v.cookies.Met(r.Cookie) {
			return i, false
		}
	}
	if s.total == 0 {
		return None, false
	}
	place, known := s.place(r, client)
	if !known {
		var room [idLength]byte
		place = hash(AppendID(room[:0], lot), s.seed)
	}
	at := scale(place, s.total)
	for i := range s.variants {
		if at < s.variants[i].weight {
			return i, !known
		}
		at -= s.variants[i].weight
	}
	return None, false
}

// place is where on the line a request's user is.
func (s *Splitter) place(r *h1.Request, client netip.Addr) (place uint64, known bool) {
	switch s.by {
	case headroom.SplitByClient:
		bytes := client.As16()
		return hash(bytes[:], s.seed), true
	case headroom.SplitByCookie:
		if value, found := r.Cookie(s.name); found && len(value) > 0 {
			return hash(value, s.seed), true
		}
	case headroom.SplitByHeader:
		if value, found := r.Field(s.name); found && len(value) > 0 {
			return hash(value, s.seed), true
		}
	}
	return 0, false
}

// scale maps a hash to 0 to n-1 evenly, and in order: the upper half of the product, as Lemire's multiplication does (2019).
func scale(hash, n uint64) uint64 {
	high, _ := bits.Mul64(hash, n)
	return high
}

const idLength = 16

// AppendID appends a lot as 16 hexadecimal digits.
func AppendID(dst []byte, lot uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[lot>>shift&15])
	}
	return dst
}

// hash is FNV-1a with the finalizer of SplitMix64, since of short texts FNV's upper bits are uneven. It must never change: users would change
// their variants.
func hash(key []byte, seed uint64) uint64 {
	x := uint64(14695981039346656037) ^ seed
	for _, b := range key {
		x = (x ^ uint64(b)) * 1099511628211
	}
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
