package scaling

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"headroom.dev/headroom"
)

// timeWindow is when something holds.
type timeWindow struct {
	from, until  cron.Schedule
	location     *time.Location
	except, only []days
}

// days are from the first (inclusive) to the last (inclusive), as numbers of year*10000 + month*100 + day.
type days struct{ first, last int }

// window reads a window; the text is the field that cannot be read.
func (c *Compiled) window(w headroom.Window) (timeWindow, string, error) {
	compiled := timeWindow{location: c.location}
	var err error
	if w.TimeZone != "" {
		if compiled.location, err = location(w.TimeZone); err != nil {
			return compiled, "timeZone", err
		}
	}
	if compiled.from, err = parseCron(w.From); err != nil {
		return compiled, "from", err
	}
	if compiled.until, err = parseCron(w.Until); err != nil {
		return compiled, "until", err
	}
	if compiled.except, err = c.days(w.Except); err != nil {
		return compiled, "except", err
	}
	if compiled.only, err = c.days(w.Only); err != nil {
		return compiled, "only", err
	}
	return compiled, "", nil
}

// aLeapYear is from when on a cron expression must come within five years, which is how far cron looks.
var aLeapYear = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func parseCron(text string) (cron.Schedule, error) {
	if strings.Contains(text, "TZ=") {
		return nil, fmt.Errorf("%q has a time zone in it: give it as timeZone", text)
	}
	schedule, err := cron.ParseStandard(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a cron expression of minute, hour, day of month, month and day of week, such as \"0 8 * * 1-5\": %v", text, err)
	}
	if _, interval := schedule.(cron.ConstantDelaySchedule); interval {
		return nil, fmt.Errorf("%q names no times of the clock: write them as in \"0 8 * * 1-5\"", text)
	}
	if schedule.Next(aLeapYear).IsZero() {
		return nil, fmt.Errorf("%q never comes", text)
	}
	return schedule, nil
}

// location reads the name of a time zone. "Local" would be another one on each machine.
func location(name string) (*time.Location, error) {
	found, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return time.UTC, fmt.Errorf("%q is not a time zone, such as Europe/Berlin", name)
	}
	return found, nil
}

// days reads dates, ranges of dates, and names of calendars.
func (c *Compiled) days(texts []string) ([]days, error) {
	var all []days
	for _, text := range texts {
		if calendar, named := c.policy.Calendars[text]; named {
			for _, date := range calendar {
				d, err := parseDays(date)
				if err != nil {
					return nil, fmt.Errorf("the calendar %s: %w", text, err)
				}
				all = append(all, d)
			}
			continue
		}
		d, err := parseDays(text)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

func parseDays(text string) (days, error) {
	first, last, isRange := strings.Cut(text, "..")
	if !isRange {
		last = first
	}
	from, err := time.Parse(time.DateOnly, strings.TrimSpace(first))
	to, err2 := time.Parse(time.DateOnly, strings.TrimSpace(last))
	if err != nil || err2 != nil || to.Before(from) {
		return days{}, fmt.Errorf("%q is neither a date (2026-12-24), nor a range of dates (2026-12-24..2026-12-26), nor the name of a calendar", text)
	}
	return days{dayOf(from), dayOf(to)}, nil
}

func dayOf(t time.Time) int { return t.Year()*10000 + int(t.Month())*100 + t.Day() }

func among(all []days, day int) bool {
	for _, d := range all {
		if day >= d.first && day <= d.last {
			return true
		}
	}
	return false
}

// holds reports whether the window is open: no end has come since its last beginning. KEDA's cron scaler asks whether the next end comes before the next
// beginning; with "0 8 * * 1-5" to "0 18 * * *" that holds all weekend as well.
//
// Both are looked up on the wall clock, as if every day had 24 hours. In spring the hour that is left out has passed at its end, so that what begins or ends
// within it is not a day late; in autumn the hour that comes twice counts twice.
func (w timeWindow) holds(now time.Time) bool {
	local := now.In(w.location)
	if day := dayOf(local); among(w.except, day) || (len(w.only) > 0 && !among(w.only, day)) {
		return false
	}
	wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
	begun, found := latest(w.from, wall)
	return found && w.until.Next(begun).After(wall)
}

// farthest is how far back a beginning is looked for: the 29th of February comes once in eight years around 1900 and 2100.
const farthest = 9 * 366 * 24 * time.Hour

// latest is the last time at or before now that a schedule names. Schedules can only be asked for the next one, so it looks back four times as far each time, and
// then halves what is left to the minute that cron counts in.
func latest(schedule cron.Schedule, now time.Time) (time.Time, bool) {
	for back := time.Minute; back <= 4*farthest; back *= 4 {
		found := schedule.Next(now.Add(-back))
		if found.IsZero() || found.After(now) {
			continue
		}
		for after := now; after.Sub(found) > time.Minute; {
			middle := found.Add(after.Sub(found) / 2)
			if next := schedule.Next(middle); next.IsZero() || next.After(now) {
				after = middle
			} else {
				found = next
			}
		}
		return found, true
	}
	return time.Time{}, false
}

// Open reports whether a window holds at a time, for signals that have a value then. A window that cannot be read never holds.
func Open(policy headroom.Scaling, w headroom.Window, now time.Time) bool {
	c := Compiled{policy: policy, location: time.UTC}
	if zone, err := location(policy.TimeZone); err == nil {
		c.location = zone
	}
	compiled, _, err := c.window(w)
	return err == nil && compiled.holds(now)
}
