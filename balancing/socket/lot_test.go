package socket

import (
	"net"
	"testing"
	"time"
)

// owner tells when it is ready.
type owner chan struct{}

func (o owner) Ready() { close(o) }

func newLot(t *testing.T) *Lot {
	t.Helper()
	l, err := NewLot()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func TestParkedConnectionIsReadyWhenSomethingComes(t *testing.T) {
	l := newLot(t)
	for name, event := range map[string]func(other *net.TCPConn){
		"bytes":   func(other *net.TCPConn) { other.Write([]byte("x")) },
		"the end": func(other *net.TCPConn) { other.CloseWrite() },
	} {
		for _, before := range []bool{true, false} {
			c, other := pair(t)
			if before {
				event(other)
			}
			o := make(owner)
			if err := l.Park(c, o); err != nil {
				t.Fatal(err)
			}
			if !before {
				event(other)
			}
			select {
			case <-o:
			case <-time.After(10 * time.Second):
				t.Fatalf("not ready after %s, before %v", name, before)
			}
			if l.Take(c, o) {
				t.Errorf("%s: it can be taken after it was ready", name)
			}
		}
	}
}

func TestTakenConnectionIsNotReadyAndCanBeParkedAgain(t *testing.T) {
	l := newLot(t)
	c, other := pair(t)
	first, second := make(owner), make(owner)
	if err := l.Park(c, first); err != nil {
		t.Fatal(err)
	}
	if l.Take(c, second) || !l.Take(c, first) || l.Take(c, first) {
		t.Error("it is taken once, by its owner")
	}
	mustWrite(t, other, "x")
	if err := l.Park(c, second); err != nil {
		t.Fatal(err)
	}
	<-second
	select {
	case <-first:
		t.Error("the first owner was told")
	default:
	}
}

func TestTakeWhereTakesTheChosen(t *testing.T) {
	l := newLot(t)
	a, _ := pair(t)
	b, _ := pair(t)
	old, young := make(owner), make(owner)
	for c, o := range map[*Conn]owner{a: old, b: young} {
		if err := l.Park(c, o); err != nil {
			t.Fatal(err)
		}
	}
	taken := l.TakeWhere(func(p Parked) bool { return p == old })
	if len(taken) != 1 || taken[0] != old || !l.Take(b, young) || l.Take(a, old) {
		t.Errorf("took %d", len(taken))
	}
}

func TestClosedLotTakesNoMore(t *testing.T) {
	l, err := NewLot()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c, _ := pair(t)
	if l.Park(c, make(owner)) == nil {
		t.Error("it was parked")
	}
}
