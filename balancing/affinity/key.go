package affinity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"sync"
)

const (
	tagLength   = 6 // 48 bits: of 10,000 backends two have the same tag with a chance of 2 in 10,000,000
	nonceLength = 6
	macLength   = 12 // 96 bits, the length at which RFC 2104 section 5 and IPsec (RFC 2404) cut HMACs
	opened      = tagLength + nonceLength + macLength
	// ValueLength is that of a cookie's value: 24 bytes in base64url.
	ValueLength = opened / 3 * 4
)

// Tag stands for a backend in cookies. Without the key nobody can tell which backend it stands for, or make one.
type Tag [tagLength]byte

// Nonce tells sessions of one backend apart, so that they spread over the others when it is lost.
type Nonce [nonceLength]byte

// Key signs the cookies of one service. It is safe for concurrent use.
type Key struct {
	macs sync.Pool // of *signer: making an HMAC allocates, using it again does not
}

type signer struct {
	hash hash.Hash
	said [1 + tagLength + nonceLength]byte // here, since what is given to an interface is allocated
	sum  [sha256.Size]byte
}

// NewKey derives the key of a service from a secret, so that a cookie of one service is worth nothing in another.
func NewKey(secret []byte, service string) *Key {
	derive := hmac.New(sha256.New, secret)
	derive.Write([]byte("headroom session affinity\x00" + service))
	own := derive.Sum(nil)
	k := &Key{}
	k.macs.New = func() any { return &signer{hash: hmac.New(sha256.New, own)} }
	return k
}

// Tag returns what stands for a backend, by its ID.
func (k *Key) Tag(backend string) Tag {
	s := k.macs.Get().(*signer)
	defer k.macs.Put(s)
	s.hash.Reset()
	s.hash.Write([]byte("backend\x00" + backend))
	return Tag(s.hash.Sum(s.sum[:0])[:tagLength])
}

// Append appends the value of a session's cookie: tag, nonce, and the first bytes of their HMAC-SHA256.
func (k *Key) Append(dst []byte, tag Tag, nonce Nonce) []byte {
	var plain [opened]byte
	copy(plain[:], tag[:])
	copy(plain[tagLength:], nonce[:])
	mac := k.mac(plain[:tagLength+nonceLength])
	copy(plain[tagLength+nonceLength:], mac[:])
	return base64.RawURLEncoding.AppendEncode(dst, plain[:])
}

// Open reads the value of a cookie; false where it was not made with this key.
func (k *Key) Open(value []byte) (tag Tag, nonce Nonce, ok bool) {
	if len(value) != ValueLength {
		return tag, nonce, false
	}
	var plain [opened]byte
	if n, err := base64.RawURLEncoding.Decode(plain[:], value); err != nil || n != opened {
		return tag, nonce, false
	}
	want := k.mac(plain[:tagLength+nonceLength])
	if !hmac.Equal(want[:], plain[tagLength+nonceLength:]) {
		return tag, nonce, false
	}
	return Tag(plain[:tagLength]), Nonce(plain[tagLength : tagLength+nonceLength]), true
}

// mac signs what a cookie says. Tags are of another realm: their input begins with a letter, that of this with a zero.
func (k *Key) mac(said []byte) (mac [macLength]byte) {
	s := k.macs.Get().(*signer)
	defer k.macs.Put(s)
	s.hash.Reset()
	copy(s.said[1:], said)
	s.hash.Write(s.said[:])
	copy(mac[:], s.hash.Sum(s.sum[:0]))
	return mac
}
