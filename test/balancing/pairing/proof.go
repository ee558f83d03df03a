// Package pairing proves that no response ever reaches another request: its clients send requests that no two of them share, its
// origins answer each with a proof of what they got, in every way that a backend may or must not, and whatever a client reads
// is held against what it sent.
package pairing

import (
	"fmt"
	"hash/crc32"
	"strings"
)

// proofOf ties a response to its request: no two requests of a run have the same target.
func proofOf(method, target string, body []byte) string {
	return fmt.Sprintf("%s %s %08x", method, target, crc32.ChecksumIEEE(body))
}

// earlyProofOf is for a response that comes before the body was read.
func earlyProofOf(method, target string) string { return method + " " + target + " early" }

// contentOf is the body of a response: its proof again and again, so that no part of it is right for another.
func contentOf(proof string, size int) string {
	return strings.Repeat(proof, size/len(proof)+1)[:size]
}
