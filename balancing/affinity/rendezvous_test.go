package affinity

import (
	"fmt"
	"math"
	"testing"
)

func members(n int) []Member {
	var list []Member
	for i := range n {
		list = append(list, Member{Name: fmt.Sprint("shop-", i), Weight: 1})
	}
	return list
}

const keys = 20_000

func key(i int) uint64 { return Hash([]byte(fmt.Sprint("client ", i))) }

func TestKeysSpreadByWeight(t *testing.T) {
	for name, list := range map[string][]Member{
		"equal":   members(5),
		"unequal": {{"a", 1}, {"b", 2}, {"c", 7}},
	} {
		r, total := NewRendezvous(list), 0
		counts := make([]int, len(list))
		for i := range keys {
			counts[r.Pick(key(i), nil)]++
		}
		for _, m := range list {
			total += m.Weight
		}
		for i, m := range list {
			// Within four standard deviations of a binomial distribution, which one run of 15,000 is not.
			p := float64(m.Weight) / float64(total)
			if off := math.Abs(float64(counts[i]) - keys*p); off > 4*math.Sqrt(keys*p*(1-p)) {
				t.Errorf("%s: member %d got %d of %d, want about %.0f", name, i, counts[i], keys, keys*p)
			}
		}
	}
}

func TestOnlyTheKeysOfAMemberThatComesOrGoesMove(t *testing.T) {
	for name, list := range map[string][]Member{"equal": members(6), "unequal": {{"a", 1}, {"b", 2}, {"c", 7}, {"d", 3}, {"e", 1}, {"f", 1}}} {
		before, after := NewRendezvous(list), NewRendezvous(list[:5])
		for i := range keys {
			old, now := before.Pick(key(i), nil), after.Pick(key(i), nil)
			if old != 5 && now != old {
				t.Fatalf("%s: key %d moved from %d to %d, which both stay", name, i, old, now)
			}
			if now != before.Pick(key(i), only(5)) {
				t.Fatalf("%s: key %d goes elsewhere where the last is excluded than where it is not there", name, i)
			}
		}
	}
}

// only excludes one member.
type only int

func (o only) Has(i int) bool { return i == int(o) }

func TestWhereNobodyIsLeftNobodyIsPicked(t *testing.T) {
	if got := NewRendezvous(nil).Pick(1, nil); got != -1 {
		t.Errorf("of none it picked %d", got)
	}
	if got := NewRendezvous(members(1)).Pick(1, only(0)); got != -1 {
		t.Errorf("of one that is excluded it picked %d", got)
	}
}

// A value worked out by hand: FNV-1a of the empty text is its offset basis, by the reference of its authors.
func TestHashIsTheSameInEveryProcess(t *testing.T) {
	if got, want := Hash(nil), mix(0xcbf29ce484222325); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
	if got, want := Hash([]byte("foobar")), mix(0x85944171f73967e8); got != want { // the authors' test vector
		t.Errorf("got %x, want %x", got, want)
	}
}

func BenchmarkPickOf100(b *testing.B) {
	r := NewRendezvous(members(100))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Pick(uint64(i), nil)
	}
}
