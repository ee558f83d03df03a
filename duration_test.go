package headroom

import (
	"testing"
	"time"
)

func TestShortDurationsHaveAboutThreeDigits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 874 * time.Microsecond: "870µs", 1234567 * time.Nanosecond: "1.23ms", 45678 * time.Microsecond: "45.7ms",
		789400 * time.Microsecond: "789ms", 1234 * time.Millisecond: "1.23s", 12345 * time.Millisecond: "12.3s", 90 * time.Second: "1m30s",
	} {
		if got := ShortDuration(d); got != want {
			t.Errorf("%d ns is written %q, want %q", d, got, want)
		}
	}
}
