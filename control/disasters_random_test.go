package control_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
	"headroom.dev/headroom/platform/fake"
)

// The disasters that others had, each in worlds with policies of every kind, through the whole loop. What Plan does of itself about them is in
// orchestration/disaster_test.go; there is also what happened.

// unreadable are the ways in which a platform does not say what it has.
var unreadable = []fake.Faults{{Throttled: true}, {Blind: true}, {Hidden: 1}, {Hidden: 1}, {Hidden: 3, UnknownCount: true}, {Hidden: 100, UnknownCount: true}}

// What a reading still says is believed for as long as the next one may take.
const reading = 3 * time.Second

func TestDisasterAutoscaler3240NothingIsWrittenOrStoppedOnAnUnknownCount(t *testing.T) {
	inRandomWorlds(t, func(t *rapid.T) scene {
		s := drawCalm(t)
		s.faults = rapid.SampledFrom(unreadable).Draw(t, "faults")
		s.during = drawMoments(t, "during", rapid.IntRange(8, 20).Draw(t, "disaster"))
		s.order = func(v *witness, order any) string {
			if v.striking() > reading {
				if wrong := v.stopsLiving(order); wrong != "" {
					return wrong
				}
			}
			return v.writesTooLittle(order)
		}
		return s
	})
}

// A lie is believed when three readings in a row tell it, so these lie once or twice.
func TestDisasterAutoscaler9452NothingIsWrittenOrStartedOnACountThatFell(t *testing.T) {
	inRandomWorlds(t, func(t *rapid.T) scene {
		s := drawCalm(t)
		s.during = drawMoments(t, "during", rapid.IntRange(8, 20).Draw(t, "disaster"))
		for at := 0; at < len(s.during); at += 4 {
			s.during[at].lies = rapid.IntRange(1, 2).Draw(t, "lies")
		}
		s.order = (*witness).writesTooLittle
		s.looks = (*witness).tooMany
		return s
	})
}

// tooMany says that there are more replicas than were ever wanted, without those that were told to stop.
func (v *witness) tooMany() string {
	v.mu.Lock()
	living := slices.DeleteFunc(v.names(), func(name string) bool { return v.doomed[name] })
	v.mu.Unlock()
	if len(living) <= v.most {
		return ""
	}
	v.most = v.mostWanted() // what was wanted for less than a quarter of a second too
	if len(living) <= v.most {
		return ""
	}
	return fmt.Sprintf("never more than %d were wanted, and there are %v", v.most, living)
}

func TestDisasterAutoscaler9182WhatGoesIsNamedAndHasAnsweredItsLastRequest(t *testing.T) {
	inRandomWorlds(t, func(t *rapid.T) scene {
		s := drawCalm(t)
		s.slow = time.Duration(rapid.IntRange(0, 12).Draw(t, "slow")) * time.Second
		s.during = drawMoments(t, "during", rapid.IntRange(15, 30).Draw(t, "disaster"))
		kills(t, s.during)
		s.order = func(v *witness, order any) string {
			removal, is := order.(headroom.Removal)
			if !is {
				return ""
			}
			if len(removal.Names) == 0 {
				return fmt.Sprintf("the number was lowered to %d, without a name", removal.To)
			}
			return v.cutsOff(removal)
		}
		return s
	})
}

// cutsOff says that a removal stops a replica that still has requests, and time for them.
func (v *witness) cutsOff(removal headroom.Removal) string {
	v.balancer.mu.Lock()
	since, active := maps.Clone(v.balancer.since), listed(v.balancer.table, headroom.BackendActive)
	v.balancer.mu.Unlock()
	drainTimeout := time.Duration(shop().LoadBalancing.DrainTimeout)
	for _, replica := range v.platform.Truth("shop") {
		if replica.State != headroom.ReplicaReady || !slices.Contains(removal.Names, replica.Name) {
			continue
		}
		// It became ready a moment ago, and the balancer has not heard of it.
		at, draining := since[replica.Name]
		switch {
		case slices.Contains(active, replica.Name):
			return replica.Name + " was stopped while it was in traffic"
		// The balancer hears of a drain a little after its time has begun.
		case draining && time.Since(at) < min(v.scene.slow, drainTimeout-time.Second):
			return fmt.Sprintf("%s was stopped %s after it began to drain, with a request of %s", replica.Name, time.Since(at), v.scene.slow)
		}
	}
	return ""
}

func TestDisasterAutoscaler446NothingGoesBeforeTheFirstReadingOfALife(t *testing.T) {
	inRandomWorlds(t, func(t *rapid.T) scene {
		s := drawCalm(t)
		s.before = append(append(s.before, steady(75, 6)...), steady(0, rapid.IntRange(0, 6).Draw(t, "falling"))...)
		s.faults = rapid.SampledFrom(unreadable).Draw(t, "faults")
		s.during = append(steady(rapid.SampledFrom([]float64{0, 5}).Draw(t, "then"), 12), drawMoments(t, "during", 6)...)
		s.during[0].kill = true
		if rapid.Bool().Draw(t, "lies first") {
			s.during[0].lies = 2
		}
		s.order = func(v *witness, order any) string {
			removal, _ := order.(headroom.Removal)
			for _, name := range removal.Names {
				if slices.Contains(v.serving, name) && slices.Contains(v.names(), name) {
					return name + " was in traffic, and is stopped"
				}
			}
			return v.writesTooLittle(order)
		}
		s.looks = func(v *witness) string {
			if serving := v.inTraffic(); len(missingOf(v.serving, serving)) > 0 {
				return fmt.Sprintf("%v were in traffic, and are %v", v.serving, serving)
			}
			return ""
		}
		return s
	})
}

func missingOf(all, of []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(of, name) })
}

func TestDisasterNomad911WhatThePlatformWillNotRemoveServesAgainWhenItIsNeeded(t *testing.T) {
	inRandomWorlds(t, func(t *rapid.T) scene {
		s := drawCalm(t)
		s.before = append(s.before, steady(75, 4)...)
		s.during = append(steady(5, 8), drawMoments(t, "during", rapid.IntRange(12, 25).Draw(t, "disaster"))...)
		s.faults.Capacity = 1 // nothing new in their place either
		s.begins = func(v *witness) { v.throttleOrders(true) }
		s.looks = func(v *witness) string {
			draining := v.balancer.backends(headroom.BackendDraining)
			if len(draining) > 0 && len(v.inTraffic()) < v.desired && time.Since(v.since) > reading {
				return fmt.Sprintf("%d are wanted, %v serve, and %v drain that the platform will not remove", v.desired, v.inTraffic(), draining)
			}
			return ""
		}
		return s
	})
}

func TestDisasterNomad672WhatIsStuckHoldsUpOnlyItself(t *testing.T) {
	inRandomWorlds(t, func(t *rapid.T) scene {
		s := drawCalm(t)
		// Less than startTimeout, 20 s, after which it is tried again, later and later.
		s.during = drawSwing(t, rapid.IntRange(3, 5).Draw(t, "first"))
		switch rapid.IntRange(0, 2).Draw(t, "stuck") {
		case 0:
			s.faults.NeverReady = true
		case 1:
			s.faults.StopDelay = time.Hour
		default:
			s.begins = func(v *witness) {
				v.balancer.mu.Lock()
				v.balancer.slow = time.Hour
				v.balancer.mu.Unlock()
			}
		}
		s.looks = func(v *witness) string {
			if staying := v.staying(); len(staying) != v.desired && time.Since(v.since) > reading {
				return fmt.Sprintf("%d are wanted for %s, and %v stay", v.desired, time.Since(v.since), staying)
			}
			return ""
		}
		return s
	})
}

func TestDisasterMoby37972GoodReplicasStayUntilWhatReplacesThemIsReady(t *testing.T) {
	inRandomWorlds(t, func(t *rapid.T) scene {
		s := drawCalm(t)
		s.during = drawMoments(t, "during", rapid.IntRange(10, 30).Draw(t, "disaster"))
		s.faults.NeverReady = true
		s.faults.LosesOrders = rapid.IntRange(0, 2).Draw(t, "loses orders") == 0
		crash := rapid.Bool().Draw(t, "new ones exit")
		s.begins = func(v *witness) {
			settings := v.config.Services["shop"]
			run := *settings.Run
			run.Command = headroom.Command{"shop", "--broken"}
			settings.Run = &run
			v.config = headroom.Config{Services: map[string]headroom.Service{"shop": settings}}
			if err := v.control.Apply(v.config); err != nil {
				v.object("%v", err)
			}
		}
		s.looks = func(v *witness) string {
			if serving := v.inTraffic(); len(serving) < min(len(v.serving), v.least) {
				return fmt.Sprintf("%v served before, at least %d were wanted since, and %v serve", v.serving, v.least, serving)
			}
			for _, replica := range v.platform.Truth("shop") {
				if crash && replica.State == headroom.ReplicaStarting {
					v.platform.Crash("shop", replica.Name, "exit status 1")
				}
			}
			return ""
		}
		return s
	})
}

func TestDisasterNomad610WhatIsSeenLateIsNotOrderedTwice(t *testing.T) {
	inRandomWorlds(t, func(t *rapid.T) scene {
		s := drawCalm(t)
		s.faults = fake.Faults{LosesAnswers: rapid.Bool().Draw(t, "loses answers"), Silent: rapid.Bool().Draw(t, "silent"),
			StartDelay: time.Duration(rapid.IntRange(1, 16).Draw(t, "start")) * time.Second / 2}
		if !s.byNumber {
			// A number must count those whose removal is not seen yet, or others would go in their place: seen late, it is one too many for a while. It is
			// late from the beginning on: to show the past all of a sudden is to lie, which is believed in the end.
			s.stale = time.Duration(rapid.IntRange(0, 10).Draw(t, "stale")) * time.Second
		}
		s.during = drawMoments(t, "during", rapid.IntRange(10, 25).Draw(t, "disaster"))
		kills(t, s.during)
		s.looks = (*witness).tooMany
		return s
	})
}
