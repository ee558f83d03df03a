package main

import (
	"strconv"
	"time"

	"headroom.dev/headroom"
)

// shadows compares what each shadow would have done with what was decided. The columns from COMPARED on are of the last hour.
func (v statusView) shadows(list []headroom.ShadowComparison) *table {
	t := newTable(v.style, "SHADOW", ">WANTS", ">LIVE", ">FOR", ">COMPARED", ">DIFFERED", ">REPLICA-HOURS")
	for _, shadow := range list {
		wants, since := "abstains", ""
		if shadow.Wants != nil {
			wants = strconv.Itoa(*shadow.Wants)
		}
		if !shadow.Since.IsZero() {
			since = ageText(v.now, shadow.Since)
		}
		t.add(text(shadow.Policy), number(wants), number(strconv.Itoa(shadow.Live)), number(since),
			number(spanText(shadow.Compared)), number(spanText(shadow.Differed)), number(hoursText(shadow)))
	}
	return t
}

// spanText is a length to the second.
func spanText(d headroom.Duration) string {
	return headroom.Duration(time.Duration(d).Round(time.Second)).String()
}

// hoursText is "+0.40 -0.10": more and fewer replica-hours than were decided.
func hoursText(c headroom.ShadowComparison) string {
	return "+" + strconv.FormatFloat(c.MoreReplicaHours, 'f', 2, 64) + " -" + strconv.FormatFloat(c.FewerReplicaHours, 'f', 2, 64)
}
