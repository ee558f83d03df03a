package health

import (
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestVerdictFollowsTheThresholds(t *testing.T) {
	// Of each result, + or -, the verdict after it: h healthy, u unhealthy. Rise is 2 and fall 3.
	cases := map[string]struct{ results, want string }{
		"new and well":                       {"+", "h"},
		"starting, then well at once":        {"---+", "uuuh"},
		"two failures are forgiven":          {"+--+--+", "hhhhhhh"},
		"the third in a row is not":          {"+---", "hhhu"},
		"back after two in a row":            {"+---+-++", "hhhuuuuh"},
		"a whole life":                       {"--+---++---", "uuhhhuuhhhu"},
		"failures before it was ever proven": {"-----+--", "uuuuuhhh"},
	}
	for name, c := range cases {
		v := verdict{health: headroom.HealthUnknown}
		got := ""
		for _, result := range c.results {
			v = v.after(result == '+', testCheck())
			got += string(v.health[0])
		}
		if got != c.want {
			t.Errorf("%s: %s gives %s, want %s", name, c.results, got, c.want)
		}
	}
}

func TestPausesAreShortWhileStartingAndInDoubt(t *testing.T) {
	check := testCheck()
	check.Interval = headroom.Duration(30 * time.Second)
	brief := check
	brief.Interval = headroom.Duration(50 * time.Millisecond)
	tiny := check
	tiny.Interval = 1
	healthy := verdict{health: headroom.HealthHealthy, proven: true}
	doubted := verdict{health: headroom.HealthHealthy, proven: true, streak: 1}
	for _, c := range []struct {
		name    string
		verdict verdict
		check   headroom.HealthCheck
		age     time.Duration
		draw    float64
		want    time.Duration
	}{
		{"just added", verdict{}, check, 0, 0.5, 100 * time.Millisecond},
		{"starting for 1 s", verdict{}, check, time.Second, 0.5, 100 * time.Millisecond},
		{"starting for 10 s", verdict{}, check, 10 * time.Second, 0.5, time.Second},
		{"never comes", verdict{}, check, time.Hour, 0.5, 30 * time.Second},
		{"brief interval", verdict{}, brief, time.Hour, 0.5, 50 * time.Millisecond},
		{"tiny interval", verdict{}, tiny, time.Hour, 0.5, 10 * time.Millisecond},
		{"steady", healthy, check, time.Hour, 0.5, 30 * time.Second},
		{"steady, early", healthy, check, time.Hour, 0, 27 * time.Second},
		{"steady, late", healthy, check, time.Hour, 1, 33 * time.Second},
		{"in doubt", doubted, check, time.Hour, 0.5, time.Second},
		{"in doubt, brief interval", doubted, brief, time.Hour, 0.5, 50 * time.Millisecond},
	} {
		got := c.verdict.pause(c.check, c.age, c.draw)
		if off := got - c.want; off < -time.Microsecond || off > time.Microsecond {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
