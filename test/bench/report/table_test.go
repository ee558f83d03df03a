package report

import (
	"testing"
	"time"
)

func TestTheMedianIsInTheMiddle(t *testing.T) {
	if got := Median([]float64{9, 1, 5}); got != 5 {
		t.Errorf("of three: %g", got)
	}
	if got := Median([]time.Duration{4, 1, 3, 2}); got != 2 { // 2.5 rounded down
		t.Errorf("of four: %d", got)
	}
}
