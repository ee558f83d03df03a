package headroom

import (
	"strings"
	"testing"
)

func overridden() Config {
	one := func(listen string) Service {
		return Service{Backends: []StaticBackend{{Address: "127.0.0.1:9001", Weight: 1}}, LoadBalancing: LoadBalancing{Listen: listen}}
	}
	return Config{Services: map[string]Service{"shop": one("127.0.0.1:1"), "shop-v2": one("none")}}
}

func splitTo(service string) Split {
	return Split{By: SplitByRequest, Variants: []Variant{{Service: "shop", Weight: 90}, {Service: service, Weight: 10}}}
}

func TestWhatTheAPIChangedLiesOverTheConfigAndLeavesItAsItIs(t *testing.T) {
	config := overridden()
	changed, left := config.With(Overrides{
		Splits: map[string]Split{"shop": splitTo("shop-v2"), "gone": splitTo("shop-v2")},
		Routes: map[string][]Route{"shop": {{Path: "/a", Service: "shop-v2", Redirect: Redirect{Status: 308}}}},
	})
	if len(left) != 0 {
		t.Errorf("left out: %v", left)
	}
	shop := changed.Services["shop"].LoadBalancing
	if len(shop.Split.Variants) != 2 || shop.Split.Variants[1].Weight != 10 || len(shop.Routes) != 1 || len(changed.Services) != 2 {
		t.Errorf("laid over: %+v", shop)
	}
	if len(config.Services["shop"].LoadBalancing.Split.Variants) != 0 {
		t.Error("the config itself was changed")
	}
}

func TestWhatDoesNotFitInTheConfigAnyMoreIsLeftOutAndTheRestIsNot(t *testing.T) {
	changed, left := overridden().With(Overrides{
		Splits: map[string]Split{"shop": splitTo("shop-v3")},
		Routes: map[string][]Route{"shop": {{Path: "/a", Redirect: Redirect{Status: 308}}}},
	})
	if len(left) != 1 || left[0].Service != "shop" || left[0].Kind != "split" || !strings.Contains(left[0].Error(), `did you mean "shop-v2"?`) {
		t.Errorf("left out: %v", left)
	}
	if shop := changed.Services["shop"].LoadBalancing; len(shop.Split.Variants) != 0 || len(shop.Routes) != 1 {
		t.Errorf("laid over: %+v", shop)
	}
}

func TestWeightsChangeTheVariantsTheyNameAndNoOthers(t *testing.T) {
	split := splitTo("shop-v2")
	split.Variants[1].Headers = map[string]string{"X-Beta": "1"}
	next, err := split.Reweigh(map[string]int{"shop-v2": 25})
	if err != nil || next.Variants[0].Weight != 90 || next.Variants[1].Weight != 25 || next.Variants[1].Headers["X-Beta"] != "1" {
		t.Errorf("%+v, %v", next, err)
	}
	if split.Variants[1].Weight != 10 {
		t.Error("the split itself was changed")
	}
	if _, err := split.Reweigh(map[string]int{"shop-v9": 1}); err == nil || !strings.Contains(err.Error(), "weights.shop-v9") {
		t.Errorf("an unknown variant: %v", err)
	}
	if made, err := (Split{By: SplitByRequest}).Reweigh(map[string]int{"b": 1, "a": 3}); err != nil || made.Summary() != "by request: a 3, b 1" {
		t.Errorf("without variants: %s, %v", made.Summary(), err)
	}
	if got := splitTo("b").Percents(); got[0] != 90 || got[1] != 10 {
		t.Errorf("percents %v", got)
	}
}
