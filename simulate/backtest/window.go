package backtest

// window is the sum of the last seconds of a measurement.
type window struct {
	values []float64
	next   int
	filled int
	sum    float64
}

func newWindow(seconds int) window { return window{values: make([]float64, max(seconds, 1))} }

func (w *window) add(value float64) {
	w.sum += value - w.values[w.next]
	w.values[w.next] = value
	w.next++
	w.filled = min(w.filled+1, len(w.values))
	if w.next == len(w.values) {
		w.next = 0
		w.sum = 0 // anew once a round, so that rounding never adds up
		for _, v := range w.values {
			w.sum += v
		}
	}
}

// mean over the seconds that there have been; never below zero, which rounding could otherwise make of a sum of nothing.
func (w *window) mean() float64 {
	return max(w.sum, 0) / float64(max(w.filled, 1))
}
