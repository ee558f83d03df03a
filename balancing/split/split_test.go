package split

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/h1"
)

func asking(t testing.TB, fields string) *h1.Request {
	t.Helper()
	var r h1.Request
	r.Reset()
	if _, err := r.Parse([]byte("GET / HTTP/1.1\r\nHost: h\r\n"+fields+"\r\n"), h1.Limits{}); err != nil {
		t.Fatal(err)
	}
	return &r
}

func weights(by headroom.SplitBy, weights ...int) headroom.Split {
	s := headroom.Split{By: by, Name: "X-User"}
	if by == headroom.SplitByCookie {
		s.Name = ""
	}
	for i, w := range weights {
		s.Variants = append(s.Variants, headroom.Variant{Service: fmt.Sprint("v", i), Weight: w})
	}
	return s
}

var client = netip.MustParseAddr("192.0.2.1")

func TestWithoutVariantsThereIsNothingToChoose(t *testing.T) {
	if s := New("shop", headroom.Split{By: headroom.SplitByClient}); s != nil {
		t.Error("there is a splitter")
	}
}

// The chi-square statistic of 3 variants has 2 degrees of freedom: above 18.4 in one of 10,000 runs. The draws are seeded, so that it passes or not.
func TestEachVariantGetsItsShare(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, by := range []headroom.SplitBy{headroom.SplitByRequest, headroom.SplitByClient, headroom.SplitByCookie, headroom.SplitByHeader} {
		s := New("shop", weights(by, 70, 0, 25, 5))
		var got [4]float64
		const n = 20_000
		for i := range n {
			r, address := asking(t, ""), client
			switch by {
			case headroom.SplitByClient:
				address = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) // neighbors: the hash must spread them
			case headroom.SplitByCookie:
				r = asking(t, fmt.Sprintf("Cookie: a=b; headroom-split=%d\r\n", i))
			case headroom.SplitByHeader:
				r = asking(t, fmt.Sprintf("x-user: user%d\r\n", i))
			}
			chosen, anonymous := s.Choose(r, address, random.Uint64())
			if anonymous != (by == headroom.SplitByRequest) {
				t.Fatalf("%s: anonymous is %v", by, anonymous)
			}
			got[chosen]++
		}
		square := 0.0
		for i, share := range []float64{.70, 0, .25, .05} {
			if want := share * n; want > 0 {
				square += (got[i] - want) * (got[i] - want) / want
			} else if got[i] > 0 {
				t.Errorf("%s: weight 0 got %v", by, got[i])
			}
		}
		if square > 18.4 {
			t.Errorf("%s: got %v, chi-square %.1f", by, got, square)
		}
	}
}

func TestAUserStaysAndMovesOnlyWithTheShareThatMoves(t *testing.T) {
	before, after := New("shop", weights(headroom.SplitByHeader, 95, 5)), New("shop", weights(headroom.SplitByHeader, 90, 10))
	other := New("basket", weights(headroom.SplitByHeader, 95, 5))
	const n = 20_000
	moved, elsewhere, both := 0, 0, 0
	for i := range n {
		r := asking(t, fmt.Sprintf("X-User: %d\r\n", i))
		was, _ := before.Choose(r, client, rand.Uint64())
		again, _ := before.Choose(r, client, rand.Uint64())
		is, _ := after.Choose(r, client, rand.Uint64())
		there, _ := other.Choose(r, client, rand.Uint64())
		if was != again || was == 1 && is == 0 {
			t.Fatalf("user %d was on %d, then %d, then %d", i, was, again, is)
		}
		moved += is - was
		elsewhere += there
		both += there * was
	}
	if share := float64(moved) / n; share < 0.045 || share > 0.055 {
		t.Errorf("%.3f of the users moved, want 0.05", share)
	}
	if both > elsewhere/5 { // 5 % of them by chance
		t.Errorf("%d of the %d users of one canary are those of another service's", both, elsewhere)
	}
}

func TestTheCookieOfAnAnonymousUserKeepsItsVariant(t *testing.T) {
	s := New("shop", weights(headroom.SplitByCookie, 1, 1, 1))
	for range 200 {
		lot := rand.Uint64()
		first, anonymous := s.Choose(asking(t, ""), client, lot)
		again, known := s.Choose(asking(t, "Cookie: headroom-split="+string(AppendID(nil, lot))+"\r\n"), client, rand.Uint64())
		if !anonymous || known || first != again {
			t.Fatalf("variant %d (anonymous %v), then %d (anonymous %v)", first, anonymous, again, known)
		}
	}
}

func TestWhatARequestShowsGoesBeforeWeights(t *testing.T) {
	s := New("shop", headroom.Split{By: headroom.SplitByClient, Variants: []headroom.Variant{
		{Service: "shop", Weight: 1},
		{Service: "beta", Headers: map[string]string{"X-Beta": "1"}, Cookies: map[string]string{"plan": "~pro|team"}},
		{Service: "any", Cookies: map[string]string{"preview": "*"}},
	}})
	for fields, want := range map[string]int{
		"": 0, "X-Beta: 1\r\n": 0, "X-Beta: 1\r\nCookie: plan=pro\r\n": 1, "X-Beta: 1\r\nCookie: plan=profi\r\n": 0, "X-Beta: 2\r\nCookie: plan=pro\r\n": 0,
		"Cookie: preview=\r\n": 2, "Cookie: plan=team; preview=1\r\nx-beta: 1\r\n": 1,
	} {
		if got, _ := s.Choose(asking(t, fields), client, 1); got != want {
			t.Errorf("%q gets variant %d, want %d", fields, got, want)
		}
	}
	none := New("shop", headroom.Split{By: headroom.SplitByClient, Variants: []headroom.Variant{{Service: "any", Cookies: map[string]string{"preview": "*"}}}})
	if got, _ := none.Choose(asking(t, ""), client, 1); got != None {
		t.Errorf("nobody has a weight, and variant %d got the request", got)
	}
}

func TestChoosingAllocatesNothing(t *testing.T) {
	r := asking(t, "Cookie: a=b; headroom-split=12\r\nX-Beta: 2\r\n")
	settings := weights(headroom.SplitByCookie, 95, 5)
	settings.Variants[1].Headers = map[string]string{"X-Beta": "~1|3"}
	s := New("shop", settings)
	if n := testing.AllocsPerRun(100, func() { s.Choose(r, client, 7) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkChoose(b *testing.B) {
	r := asking(b, "Cookie: a=b; headroom-split=12\r\n")
	s := New("shop", weights(headroom.SplitByCookie, 95, 5))
	b.ReportAllocs()
	for b.Loop() {
		s.Choose(r, client, 7)
	}
}
