package guard

import (
	"math"
	"time"

	"headroom.dev/headroom"
)

// FullWarmth is the warmth of a backend that gets its whole share, in permille.
const FullWarmth = 1000

// Warmth is the part of its share that a backend gets, permille, at an age since it joined or returned: max(MinPercent,
// (age/Window)^(1/Aggression)), as Envoy's slow start has it. E.g. of 30 s, with aggression 1: 10 % until 3 s, 50 % at 15 s, all at 30 s.
func Warmth(settings headroom.SlowStart, age time.Duration) int {
	window := time.Duration(settings.Window)
	if window <= 0 || age >= window {
		return FullWarmth
	}
	part := max(float64(age), 0) / float64(window)
	if a := settings.Aggression; a > 0 && a != 1 {
		part = math.Pow(part, 1/a)
	}
	least := max(float64(settings.MinPercent)/100, 0.01)
	return int(FullWarmth * min(max(part, least), 1))
}
