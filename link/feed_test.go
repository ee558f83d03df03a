package link

import (
	"slices"
	"sync"
	"testing"
)

func drain[T any](values <-chan T) []T {
	var all []T
	for {
		select {
		case value, open := <-values:
			if !open {
				return all
			}
			all = append(all, value)
		default:
			return all
		}
	}
}

func TestASlowListenerLosesTheOldestAndNeverTheNewest(t *testing.T) {
	var feed Feed[int]
	values, cancel := feed.Subscribe()
	defer cancel()
	for i := 1; i <= 10; i++ {
		feed.Publish(i)
	}
	if got := drain(values); !slices.Equal(got, []int{7, 8, 9, 10}) {
		t.Errorf("it got %v, want the last four", got)
	}
}

func TestWhoComesLaterGetsTheNewestUnlessItIsFleeting(t *testing.T) {
	state, moment := Feed[string]{}, Feed[string]{Fleeting: true}
	for _, feed := range []*Feed[string]{&state, &moment} {
		feed.Publish("old")
		feed.Publish("new")
	}
	states, cancelState := state.Subscribe()
	moments, cancelMoment := moment.Subscribe()
	defer cancelState()
	defer cancelMoment()
	moment.Publish("newer")
	if got := drain(states); !slices.Equal(got, []string{"new"}) {
		t.Errorf("of a state it got %v, want the newest", got)
	}
	if got := drain(moments); !slices.Equal(got, []string{"newer"}) {
		t.Errorf("of moments it got %v, want only what came after", got)
	}
	if last, published := moment.Last(); !published || last != "newer" {
		t.Errorf("the last is %q, %v", last, published)
	}
}

func TestAnEndedSubscriptionIsClosedAndMayBeEndedTwice(t *testing.T) {
	var feed Feed[int]
	values, cancel := feed.Subscribe()
	cancel()
	cancel()
	feed.Publish(1)
	if _, open := <-values; open {
		t.Error("it got a value after its end")
	}
}

func TestManySpeakersAndListenersNeverWaitForEachOther(t *testing.T) {
	feed := Feed[int]{Buffer: 1}
	var speakers, listeners sync.WaitGroup
	var ends []func()
	for range 4 {
		_, end := feed.Subscribe() // nobody reads it
		ends = append(ends, end)
		read, end := feed.Subscribe()
		ends = append(ends, end)
		listeners.Go(func() {
			for range read {
			}
		})
		speakers.Go(func() {
			for i := range 1000 {
				feed.Publish(i)
			}
		})
	}
	speakers.Wait()
	for _, end := range ends {
		end()
	}
	listeners.Wait()
}
