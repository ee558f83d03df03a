package scaling

import (
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// In Europe/Berlin clocks went from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25. 2026-03-27 is a Friday.
func TestAWindowHoldsByTheClockOnTheWall(t *testing.T) {
	window := func(from, until string) headroom.Window { return headroom.Window{From: from, Until: until} }
	office, night := window("0 8 * * 1-5", "0 18 * * 1-5"), window("0 22 * * *", "0 6 * * *")
	without, within := night, window("0 0 * * *", "0 0 * * *")
	without.Except = []string{"holidays"}
	within.Only = []string{"2026-11-27..2026-11-30"}
	tokyo := office
	tokyo.TimeZone = "Asia/Tokyo"
	for _, test := range []struct {
		name   string
		window headroom.Window
		at     string // in UTC where it ends with Z, else in Berlin
		want   bool
	}{
		{"at its first minute", office, "2026-03-27 08:00:00", true},
		{"a second before", office, "2026-03-27 07:59:59", false},
		{"a second before its end", office, "2026-03-27 17:59:59", true},
		{"at its end", office, "2026-03-27 18:00:00", false},
		{"on Saturday", office, "2026-03-28 12:00:00", false},
		{"in its own zone: 8:30 in Tokyo is half past midnight in Berlin", tokyo, "2026-03-27 00:30:00", true},
		{"in its own zone: noon in Berlin is 20:00", tokyo, "2026-03-27 12:00:00", false},
		{"an end of more days than beginnings", window("0 8 * * 1-5", "0 18 * * *"), "2026-03-28 12:00:00", false},
		{"a beginning of more days than ends: since Monday", window("0 8 * * *", "0 18 * * 5"), "2026-03-26 03:00:00", true},
		{"the same of both is always", within, "2026-11-28 15:00:00", true},
		{"but only on the days given", within, "2026-11-26 23:59:59", false},
		{"to the end of the last of them", within, "2026-11-30 23:59:59", true},
		{"and no longer", within, "2026-12-01 00:00:00", false},

		{"over midnight, before", night, "2026-03-27 23:30:00", true},
		{"over midnight, after", night, "2026-03-27 05:59:59", true},
		{"over midnight, by day", night, "2026-03-27 12:00:00", false},
		{"a holiday ends it at midnight", without, "2026-12-24 00:00:00", false},
		{"the evening before still counts", without, "2026-12-23 23:59:00", true},
		{"and the night after the last holiday", without, "2026-12-27 00:30:00", true},

		{"spring: a beginning in the hour that is left out comes at its end", window("30 2 * * *", "0 6 * * *"), "2026-03-29 03:00:00", true},
		{"spring: and not a day early", window("30 2 * * *", "0 6 * * *"), "2026-03-28 12:00:00", false},
		{"spring: an end in the hour that is left out is not a day late", window("0 22 * * *", "30 2 * * *"), "2026-03-29 12:00:00", false},
		{"spring: it comes at its end", window("0 22 * * *", "30 2 * * *"), "2026-03-29 03:00:00", false},
		{"spring: a minute before", window("0 22 * * *", "30 2 * * *"), "2026-03-29 01:59:00", true},
		{"autumn: at 02:45 for the first time", window("30 2 * * *", "0 6 * * *"), "2026-10-25 00:45:00Z", true},
		{"autumn: at 02:15 for the second time", window("30 2 * * *", "0 6 * * *"), "2026-10-25 01:15:00Z", false},
		{"autumn: at 02:45 for the second time", window("30 2 * * *", "0 6 * * *"), "2026-10-25 01:45:00Z", true},
		{"autumn: noon is noon", window("0 12 * * *", "0 13 * * *"), "2026-10-25 11:00:00Z", true},

		{"a day of leap years, two years later", window("0 0 29 2 *", "0 0 1 1 *"), "2026-06-01 00:00:00", false},
		{"a day of leap years, ten months later", window("0 0 29 2 *", "0 0 1 1 *"), "2024-12-31 23:00:00", true},
		{"every minute of the first of the month, on the 20th", window("* * 1 * *", "0 0 21 * *"), "2026-03-20 12:00:00", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			berlin, err := time.LoadLocation("Europe/Berlin")
			if err != nil {
				t.Fatal(err)
			}
			zone := berlin
			if strings.HasSuffix(test.at, "Z") {
				zone = time.UTC
			}
			at, err := time.ParseInLocation(time.DateTime, strings.TrimSuffix(test.at, "Z"), zone)
			if err != nil {
				t.Fatal(err)
			}
			policy := headroom.Scaling{TimeZone: "Europe/Berlin", Calendars: map[string][]string{"holidays": {"2026-12-24..2026-12-26", "2027-01-01"}}}
			if got := Open(policy, test.window, at); got != test.want {
				t.Errorf("at %s: got %v", at, got)
			}
		})
	}
}

func TestAWindowThatCannotBeReadSaysWhy(t *testing.T) {
	for _, test := range []struct {
		window headroom.Window
		want   string
	}{
		{headroom.Window{From: "8 Uhr", Until: "0 18 * * *"}, `from: "8 Uhr" is not a cron expression of minute, hour, day of month, month and day of week, such as "0 8 * * 1-5"`},
		{headroom.Window{From: "@every 1h", Until: "0 18 * * *"}, `from: "@every 1h" names no times of the clock: write them as in "0 8 * * 1-5"`},
		{headroom.Window{From: "0 8 * * *", Until: "0 0 30 2 *"}, `until: "0 0 30 2 *" never comes`},
		{headroom.Window{From: "TZ=UTC 0 8 * * *", Until: "0 18 * * *"}, `from: "TZ=UTC 0 8 * * *" has a time zone in it: give it as timeZone`},
		{headroom.Window{From: "0 8 * * *", Until: "0 18 * * *", TimeZone: "Local"}, `timeZone: "Local" is not a time zone, such as Europe/Berlin`},
		{headroom.Window{From: "0 8 * * *", Until: "0 18 * * *", Except: []string{"ferien"}}, `except: "ferien" is neither a date (2026-12-24), nor a range of dates`},
		{headroom.Window{From: "0 8 * * *", Until: "0 18 * * *", Only: []string{"2026-12-26..2026-12-24"}}, `only: "2026-12-26..2026-12-24" is neither a date`},
	} {
		policy := headroom.Scaling{Schedule: []headroom.BoundsWindow{{Name: "w", Window: test.window, MinReplicas: pointer(5)}}}
		errs := Check("scaling", policy)
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), "scaling.schedule[0]."+test.want) {
			t.Errorf("%+v: got %v", test.window, errs)
		}
		if Open(policy, test.window, noon) {
			t.Errorf("%+v: it holds", test.window)
		}
	}
}

func TestOfSeveralWindowsTheLargestMinimumAndTheSmallestMaximumCount(t *testing.T) {
	always := headroom.Window{From: "0 0 * * *", Until: "0 0 * * *"}
	bounds := func(name string, low, high *int) headroom.BoundsWindow {
		return headroom.BoundsWindow{Name: name, Window: always, MinReplicas: low, MaxReplicas: high}
	}
	for _, test := range []struct {
		name    string
		windows []headroom.BoundsWindow
		asked   float64 // replicas
		want    int
		says    string
	}{
		{"none", nil, 1, 2, "minReplicas 2"},
		{"a larger minimum", []headroom.BoundsWindow{bounds("a", pointer(4), nil), bounds("b", pointer(6), nil), bounds("c", pointer(5), nil)}, 1, 6, "minReplicas 6 of the schedule b"},
		{"a smaller minimum", []headroom.BoundsWindow{bounds("night", pointer(1), nil)}, 1, 1, ""},
		{"the smallest maximum", []headroom.BoundsWindow{bounds("a", nil, pointer(9)), bounds("b", nil, pointer(7))}, 50, 7, "maxReplicas 7 of the schedule b"},
		{"a larger maximum", []headroom.BoundsWindow{bounds("sale", nil, pointer(40))}, 50, 40, "maxReplicas 40 of the schedule sale"},
		{"a minimum beats a maximum", []headroom.BoundsWindow{bounds("few", nil, pointer(3)), bounds("many", pointer(5), nil)}, 50, 5, "maxReplicas 5 of the schedule many"},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := policyOf(targetRPS(50))
			policy.MinReplicas, policy.MaxReplicas, policy.Schedule = 2, 20, test.windows
			obs := observe(counts(10, 0), steady(headroom.MetricRequestsPerSecond, reading(50*test.asked, 10)))
			d, _ := Decide("d", policy, obs, wanted(10))
			if d.To != test.want || (test.says != "" && !strings.Contains(d.Reason, test.says)) {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
		})
	}
}
