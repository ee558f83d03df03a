package accesslog

import "math"

// all is the sample of every request.
const all = math.MaxUint64

// sampleOf is the part of the hashes, from 0 on, that is in a sample: a share of 0 to 1.
func sampleOf(share float64) uint64 {
	if share >= 1 {
		return all
	}
	return uint64(math.Ldexp(max(share, 0), 64))
}

// sampled reports whether a request is in a sample. That is decided by its ID, so that the same requests are in the logs of all balancers
// that one passes; a connection without one is chosen by its time.
func sampled(e *Entry, sample uint64) bool {
	if sample == all {
		return true
	}
	if len(e.RequestID) == 0 {
		return mix(uint64(e.Time.UnixNano())) < sample
	}
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range e.RequestID {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return mix(h) < sample
}

// mix spreads each bit over all (the finalizer of SplitMix64): the first bits of FNV-1a differ little between short IDs.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
