package control_test

import (
	"encoding/json"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/record"
)

// Every decision of some minutes under a load that is never the same can be made again as it was, and no more than one
// record a minute is written for it, but for those that change the number.
func TestEveryDecisionThatChangedNothingCanBeMadeAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		made := map[string]string{}
		for i := range 300 {
			w.balancer.set(16 + float64(i*7%23)/7)
			w.pass(time.Second + 10*time.Millisecond)
			d := w.status().LastDecision
			made[d.ID] = encoded(t, d)
		}
		if len(w.control.Gathered("shop")) != 1 || len(w.control.Gathered("other")) != 0 {
			t.Error("what is not written down yet cannot be asked for")
		}
		w.end()
		records, runs := entries[record.Record](w.store, headroom.EntryDecision), 0
		for _, kept := range records {
			if kept.Run != nil {
				runs++
			}
		}
		if runs < 4 || runs > 7 {
			t.Errorf("%d records of decisions that changed nothing, want about one a minute", runs)
		}
		for id, want := range made {
			found := false
			for _, kept := range records {
				if d, is := kept.Named(id); is {
					if found = true; encoded(t, d) != want {
						t.Fatalf("made was\n%s\nand again it is\n%s", want, encoded(t, d))
					}
				}
			}
			if !found {
				t.Errorf("%s is in no record: %s", id, want)
			}
		}
		w.expectReplays()
	})
}

// A process that is killed loses what it had not written down, at most a minute, and nothing else.
func TestAKilledProcessLosesAMinuteOfDecisionsThatChangedNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(18)
		w.pass(150 * time.Second)
		killed := time.Now()
		w.kill()
		written := entries[record.Record](w.store, headroom.EntryDecision)
		last := written[len(written)-1]
		if lost := killed.Sub(last.Newest()); lost <= 0 || lost > record.Longest {
			t.Errorf("%s of decisions are lost", lost)
		}
		w.start()
		w.pass(5 * time.Second)
		w.end()
		all := entries[record.Record](w.store, headroom.EntryDecision)
		if len(all) <= len(written) || all[len(all)-1].Run == nil || !all[len(all)-1].At.After(killed) {
			t.Errorf("after a restart there are %d records, before it %d", len(all), len(written))
		}
	})
}

// A full disk keeps a record waiting; once there is room it is written with all that was in it.
func TestARecordThatCannotBeWrittenWaits(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(18)
		w.pass(10 * time.Second)
		gathered := w.control.Gathered("shop")[0]
		w.store.fill(true)
		w.pass(90 * time.Second)
		w.store.fill(false)
		w.pass(2 * time.Second)
		found := false
		for _, kept := range entries[record.Record](w.store, headroom.EntryDecision) {
			found = found || kept.ID == gathered.ID && kept.Run != nil && kept.Run.Count >= gathered.Run.Count
		}
		if !found {
			t.Errorf("the record of %s was not written", gathered.ID)
		}
	})
}

// Records of before hold one decision each.
func TestRecordsOfBeforeAreRead(t *testing.T) {
	old := headroom.Decision{ID: "shop-d1", Service: "shop", From: 2, To: 2, Reason: "It stays."}
	var kept record.Record
	if err := json.Unmarshal([]byte(encoded(t, old)), &kept); err != nil || kept.Run != nil {
		t.Fatalf("%+v, %v", kept, err)
	}
	if found, is := kept.Named("shop-d1"); !is || encoded(t, found) != encoded(t, old) {
		t.Errorf("read as %+v", found)
	}
}
