package scaling

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"headroom.dev/headroom"
)

// window is when something holds.
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
		if compiled.location, err = time.LoadLocation(w.TimeZone); err != nil {
			return compiled, "timeZone", fmt.Errorf("%q is not a time zone, such as Europe/Berlin", w.TimeZone)
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

func parseCron(text string) (cron.Schedule, error) {
	if strings.Contains(text, "TZ=") {
		return nil, fmt.Errorf("%q has a time zone in it: give it as timeZone", text)
	}
	schedule, err := cron.ParseStandard(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a cron expression of minute, hour, day of month, month and day of week, such as \"0 8 * * 1-5\": %v", text, err)
	}
	return schedule, nil
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

// holds reports whether the window is open: its next end comes before its next beginning, as in KEDA's cron scaler.
func (w timeWindow) holds(now time.Time) bool {
	local := now.In(w.location)
	if day := dayOf(local); among(w.except, day) || (len(w.only) > 0 && !among(w.only, day)) {
		return false
	}
	begins, ends := w.from.Next(local), w.until.Next(local)
	return !ends.IsZero() && (begins.IsZero() || ends.Before(begins))
}

// Open reports whether a window holds at a time, for signals that have a value then. A window that cannot be read never holds.
func Open(policy headroom.Scaling, w headroom.Window, now time.Time) bool {
	c := Compiled{policy: policy, location: time.UTC}
	if location, err := time.LoadLocation(policy.TimeZone); err == nil {
		c.location = location
	}
	compiled, _, err := c.window(w)
	return err == nil && compiled.holds(now)
}

// scheduled proposes a number while its window holds.
type scheduled struct {
	policy headroom.ScalingPolicy
	window timeWindow
}

func (t scheduled) propose(s *situation) (headroom.Proposal, bool) {
	p := headroom.Proposal{Source: sourceOf(t.policy), Kind: headroom.KindSchedule}
	if !t.window.holds(s.at) {
		if !s.quiet {
			p.Note = "its time has not come: " + t.policy.Schedule.From + " to " + t.policy.Schedule.Until
		}
		return p, false
	}
	replicas := t.policy.Schedule.Replicas
	p.Replicas = &replicas
	if !s.quiet {
		p.Note = fmt.Sprintf("%s asks for %s from %q to %q", t.policy.Name, count(replicas), t.policy.Schedule.From, t.policy.Schedule.Until)
	}
	return p, false
}

// bounds are other bounds while a window holds.
type bounds struct {
	settings headroom.BoundsWindow
	window   timeWindow
}

// bind gives the situation the bounds that hold now: of several the largest minimum and the smallest maximum; a minimum beats a maximum.
func (c *Compiled) bind(s *situation) {
	low, high := -1, -1
	for _, b := range c.bounds {
		if !b.window.holds(s.at) {
			continue
		}
		if n := b.settings.MinReplicas; n != nil && *n > low {
			low, s.minName = *n, b.settings.Name
		}
		if n := b.settings.MaxReplicas; n != nil && (high < 0 || *n < high) {
			high, s.maxName = *n, b.settings.Name
		}
	}
	if low >= 0 {
		s.min = low
	}
	if high >= 0 {
		s.max = high
	}
	s.max = max(s.max, s.min, 1)
}
