package pick

// golden is 2^64 divided by the golden ratio, the step of SplitMix64.
const golden = 0x9e3779b97f4a7c15

// finish spreads a number evenly over 64 bits: the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
func finish(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below maps a random number to 0 … n−1: the upper half of their product (Lemire 2019), whose bias is n/2^64.
func below(random uint64, n int) int {
	return int((random >> 32) * uint64(n) >> 32)
}

// Hash is the hash of a key, the same in all processes and versions: FNV-1a, whose low bits are spread by SplitMix64's finalizer.
func Hash(key []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range key {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return finish(h)
}
