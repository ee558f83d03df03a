package hpa

import (
	"math"
	"math/bits"
)

// The largest number of replicas that Kubernetes can count. What is larger is taken for it; HPA converts some such numbers
// as the processor happens to, which on amd64 turns a huge load into a hugely negative number of replicas.
const mostReplicas = math.MaxInt32

// ceil rounds up to whole replicas.
func ceil(replicas float64) int {
	return whole(math.Ceil(replicas))
}

// whole cuts off the fraction and keeps within what Kubernetes can count.
func whole(replicas float64) int {
	return int(max(-mostReplicas, min(replicas, mostReplicas)))
}

// add adds; beyond an int64 it stays at its ends.
func add(a, b int64) int64 {
	sum := a + b
	if a > 0 && b > 0 && sum < 0 {
		return math.MaxInt64
	}
	if a < 0 && b < 0 && sum >= 0 {
		return math.MinInt64
	}
	return sum
}

// scale is amount × by / parts, cut toward zero. The product has 128 bits: the memory of a hundred pods with 1 TiB each,
// in milli-bytes, × 100 percent, is more than 64 bits hold. by is 0 or more, parts is more than 0; beyond an int64 it
// stays at its ends.
func scale(amount, by, parts int64) int64 {
	magnitude, negative := uint64(amount), amount < 0
	if negative {
		magnitude = -magnitude
	}
	high, low := bits.Mul64(magnitude, uint64(by))
	if high >= uint64(parts) {
		magnitude = math.MaxInt64
	} else {
		magnitude, _ = bits.Div64(high, low, uint64(parts))
	}
	result := int64(min(magnitude, math.MaxInt64))
	if negative {
		return -result
	}
	return result
}
