package role

import (
	"testing"

	"headroom.dev/headroom"
)

func TestTheSentenceOfAnAlertNamesItsService(t *testing.T) {
	for _, c := range []struct {
		alert headroom.Alert
		want  string
	}{
		{headroom.Alert{Rule: "NoHealthyBackend", State: headroom.AlertFiring, Summary: "no backend is healthy", Labels: map[string]string{"service": "shop"}},
			"shop: the alert NoHealthyBackend is firing: no backend is healthy."},
		{headroom.Alert{Rule: "Own", State: headroom.AlertResolved}, "The alert Own is resolved."},
	} {
		if got := alertText(c.alert); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
