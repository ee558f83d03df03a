// Package link carries what the roles tell each other: in one process through feeds, apart as lines of JSON over
// sockets in the state directory. A reader that is away misses what was said meanwhile and gets the newest value when it
// returns; nobody who speaks ever waits for a listener.
package link

import "sync"

// Feed hands every published value to all subscribers, and the newest one to those who come later unless it is Fleeting.
// It is safe for concurrent use.
type Feed[T any] struct {
	// Buffer is how many values a subscriber may lag behind before it loses the oldest; 0 is defaultBuffer.
	Buffer int
	// Fleeting values are of the moment, such as an alert that begins to fire: who subscribes later does not get the
	// newest, which it may have had before a link broke.
	Fleeting bool

	mu          sync.Mutex // guards all below
	last        T
	published   bool
	subscribers map[chan T]struct{}
}

// defaultBuffer is four seconds of measurements. A state feed (endpoints) needs only the newest value, and always gets
// it: see Publish.
const defaultBuffer = 4

// Publish hands a value to all subscribers. A subscriber that lags behind loses its oldest value, never the newest.
func (f *Feed[T]) Publish(value T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last, f.published = value, true
	for subscriber := range f.subscribers {
		offer(subscriber, value)
	}
}

func offer[T any](subscriber chan T, value T) {
	for {
		select {
		case subscriber <- value:
			return
		default:
		}
		select {
		case <-subscriber: // make room by dropping the oldest
		default:
		}
	}
}

// Subscribe returns a channel of values, beginning with the newest one if there is any and it is not Fleeting, and a
// function that ends the subscription and closes the channel.
func (f *Feed[T]) Subscribe() (<-chan T, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	buffer := f.Buffer
	if buffer == 0 {
		buffer = defaultBuffer
	}
	subscriber := make(chan T, buffer)
	if f.published && !f.Fleeting {
		subscriber <- f.last
	}
	if f.subscribers == nil {
		f.subscribers = map[chan T]struct{}{}
	}
	f.subscribers[subscriber] = struct{}{}
	return subscriber, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if _, subscribed := f.subscribers[subscriber]; subscribed {
			delete(f.subscribers, subscriber)
			close(subscriber)
		}
	}
}

// Last returns the newest value; false where there has been none.
func (f *Feed[T]) Last() (T, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last, f.published
}
