package objective

import "math"

// confidence: a true bad ratio as low as the bound has at most a 5 % chance of so many bad events.
const alpha = 0.05

// ProvenBadRatio is the bad ratio, 0 to 1, that the events prove with 95 % confidence: the lower
// Clopper-Pearson bound (Clopper and Pearson 1934, Biometrika 26:404). One failure of 100 is a
// ratio of 1 %, but proves only 0.05 %; two prove 0.36 %.
func ProvenBadRatio(e Events) float64 {
	n, k := math.Floor(e.Total), math.Floor(e.Bad)
	switch {
	case n <= 0 || k <= 0:
		return 0
	case k >= n:
		return math.Pow(alpha, 1/n)
	}
	// The bound is the p at which P(X >= k) = I_p(k, n-k+1) reaches alpha; it rises with p.
	low, high := 0.0, k/n
	for range 60 { // halves the interval below the precision of a float64
		middle := (low + high) / 2
		if incompleteBeta(middle, k, n-k+1) < alpha {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// incompleteBeta is the regularized incomplete beta function I_x(a, b), by its continued fraction
// with Lentz's method (Press et al., Numerical Recipes, 3rd ed., §6.4).
func incompleteBeta(x, a, b float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	// The fraction converges quickly only below the mean of the distribution.
	if x > (a+1)/(a+b+2) {
		return 1 - incompleteBeta(1-x, b, a)
	}
	both, _ := math.Lgamma(a + b)
	onlyA, _ := math.Lgamma(a)
	onlyB, _ := math.Lgamma(b)
	front := math.Exp(both - onlyA - onlyB + a*math.Log(x) + b*math.Log1p(-x))

	const tiny = 1e-300 // keeps denominators from being zero
	const precision = 1e-14
	away := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c := 1.0
	d := 1 / away(1-(a+b)*x/(a+1))
	fraction := d
	for i := 1; i <= 1000; i++ { // it takes about sqrt(max(a, b)) steps
		m := float64(i)
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d = 1 / away(1+even*d)
		c = away(1 + even/c)
		fraction *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d = 1 / away(1+odd*d)
		c = away(1 + odd/c)
		fraction *= d * c
		if math.Abs(d*c-1) < precision {
			break
		}
	}
	return front * fraction / a
}
