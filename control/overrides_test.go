package control_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// splittable has a second service beside shop that may be a variant of it.
func (w *world) splittable() {
	second := shop()
	second.LoadBalancing.Listen = "none"
	w.config.Services["shop-v2"] = second
}

func halves(second string) *headroom.Split {
	return &headroom.Split{By: headroom.SplitByRequest, Variants: []headroom.Variant{{Service: "shop", Weight: 95}, {Service: second, Weight: 5}}}
}

func (w *world) toldSplit() headroom.Split {
	w.balancer.mu.Lock()
	defer w.balancer.mu.Unlock()
	return w.balancer.table.Overrides.Splits["shop"]
}

func (w *world) setSplit(update headroom.SplitUpdate, change headroom.Change) headroom.ServiceSplit {
	w.t.Helper()
	split, err := w.control.SetSplit(w.t.Context(), "shop", update, change)
	if err != nil {
		w.t.Fatal(err)
	}
	return split
}

func TestASplitIsChangedInForceAtOnceReadBackExactlyAndKeptOverARestart(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.splittable()
		w.start()
		w.pass(5 * time.Second)
		made := w.setSplit(headroom.SplitUpdate{Split: halves("shop-v2")}, headroom.Change{Reason: "a first look"})
		w.pass(time.Millisecond)
		if got := w.toldSplit(); got.Summary() != "by request: shop 95, shop-v2 5" {
			t.Errorf("a millisecond later the balancer has %s", got.Summary())
		}
		w.setSplit(headroom.SplitUpdate{Weights: map[string]int{"shop": 90, "shop-v2": 10}}, headroom.Change{IfMatch: []string{made.Version}})
		w.restart()
		w.pass(5 * time.Second)
		got, err := w.control.Split("shop")
		if err != nil || got.Summary() != "by request: shop 90, shop-v2 10" || got.Source != headroom.SourceAPI || got.Shares[1].Percent != 10 {
			t.Errorf("after a restart it is %+v, %v", got, err)
		}
		if got := w.toldSplit(); got.Summary() != "by request: shop 90, shop-v2 10" {
			t.Errorf("after a restart the balancer has %s", got.Summary())
		}
		if status := w.status(); status.Split == nil || status.Split.Shares[0].RequestsPerSecond == nil {
			t.Errorf("the status has the split %+v", status.Split)
		}
		if err := w.control.ResetSplit(t.Context(), "shop", headroom.Change{}); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Millisecond)
		if got, _ := w.control.Split("shop"); len(got.Variants) != 0 || got.Source != headroom.SourceConfig || len(w.toldSplit().Variants) != 0 {
			t.Errorf("taken back it is %+v, and the balancer has %+v", got, w.toldSplit())
		}
		var conflict *headroom.ConflictError
		if err := w.control.ResetSplit(t.Context(), "shop", headroom.Change{}); !errors.As(err, &conflict) {
			t.Errorf("taken back twice: %v", err)
		}
	})
}

func TestASplitIsRefusedAsInTheConfigAndWhereItHasChangedMeanwhile(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.splittable()
		w.start()
		w.pass(5 * time.Second)
		first := w.setSplit(headroom.SplitUpdate{Split: halves("shop-v2")}, headroom.Change{})
		for _, test := range []struct {
			update headroom.SplitUpdate
			field  string
		}{
			{headroom.SplitUpdate{Split: halves("shop-v3")}, "variants[1].service"},
			{headroom.SplitUpdate{Split: halves("shop")}, "variants[1].service"},
			{headroom.SplitUpdate{Weights: map[string]int{"shop-v3": 1}}, "weights.shop-v3"},
			{headroom.SplitUpdate{Weights: map[string]int{"shop": 0, "shop-v2": 0}}, "variants"},
			{headroom.SplitUpdate{Weights: map[string]int{"shop": -1}}, "variants[0].weight"},
		} {
			_, err := w.control.SetSplit(t.Context(), "shop", test.update, headroom.Change{})
			if invalid := (*headroom.InvalidError)(nil); !errors.As(err, &invalid) || invalid.Field != test.field {
				t.Errorf("%+v: refused with %v, want %s", test.update, err, test.field)
			}
		}
		if dry := w.setSplit(headroom.SplitUpdate{Weights: map[string]int{"shop-v2": 50}}, headroom.Change{DryRun: true}); dry.Variants[1].Weight != 50 {
			t.Errorf("tried it is %+v", dry)
		}
		if got, _ := w.control.Split("shop"); got.Version != first.Version {
			t.Errorf("a dry run changed it to %+v", got)
		}
		w.setSplit(headroom.SplitUpdate{Weights: map[string]int{"shop-v2": 6}}, headroom.Change{IfMatch: []string{first.Version}})
		_, err := w.control.SetSplit(t.Context(), "shop", headroom.SplitUpdate{Weights: map[string]int{"shop-v2": 7}}, headroom.Change{IfMatch: []string{first.Version}})
		if changed := (*headroom.ChangedError)(nil); !errors.As(err, &changed) {
			t.Errorf("on an old version: %v", err)
		}
		if got, _ := w.control.Split("shop"); got.Variants[1].Weight != 6 {
			t.Errorf("it is %+v", got)
		}
	})
}

func TestAReloadThatChangesASplitLeavesTheOneOfTheAPIInForceAndSaysSo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.splittable()
		w.start()
		w.pass(5 * time.Second)
		w.setSplit(headroom.SplitUpdate{Split: halves("shop-v2")}, headroom.Change{})
		reload := func(change func(map[string]headroom.Service)) {
			t.Helper()
			next := headroom.Config{Services: map[string]headroom.Service{}}
			for name, service := range w.config.Services {
				next.Services[name] = service
			}
			change(next.Services)
			if err := w.control.Apply(next); err != nil {
				t.Fatal(err)
			}
			w.config = next
			w.pass(time.Second)
		}
		said := func(text string) bool {
			for _, entry := range w.control.EventsSince(time.Time{}) {
				if strings.Contains(string(entry.Data), text) {
					return true
				}
			}
			return false
		}
		reload(func(services map[string]headroom.Service) {
			changed := services["shop"]
			changed.LoadBalancing.Split = headroom.Split{By: headroom.SplitByRequest, Variants: []headroom.Variant{{Service: "shop", Weight: 1}, {Service: "shop-v2", Weight: 1}}}
			services["shop"] = changed
		})
		if got, _ := w.control.Split("shop"); got.Summary() != "by request: shop 95, shop-v2 5" {
			t.Errorf("after the reload it is %s", got.Summary())
		}
		if !said("shop: the config file has another split now (by request: shop 1, shop-v2 1), and the one made through the API stays in force (by request: shop 95, shop-v2 5)") {
			t.Error("nobody says that the file has another split")
		}
		reload(func(services map[string]headroom.Service) {
			delete(services, "shop-v2")
			changed := services["shop"]
			changed.LoadBalancing.Split = headroom.Split{}
			services["shop"] = changed
		})
		if got, _ := w.control.Split("shop"); len(got.Variants) != 0 || got.Source != headroom.SourceConfig {
			t.Errorf("without its variant it is %+v", got)
		}
		if !said("shop: the split made through the API cannot be in force with this config file") {
			t.Error("nobody says that the split is left out")
		}
		if problems := strings.Join(w.status().Problems, "\n"); !strings.Contains(problems, "the split made through the API cannot be in force") {
			t.Errorf("the problems are %s", problems)
		}
	})
}

func TestRoutesAreReplacedAsAWholeAndTakenBack(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.splittable()
		configured := w.config.Services["shop"]
		configured.LoadBalancing.Routes = []headroom.Route{{Path: "/old", Redirect: headroom.Redirect{Status: 308}}}
		w.config.Services["shop"] = configured
		w.start()
		w.pass(5 * time.Second)
		before, _ := w.control.Routes("shop")
		list := []headroom.Route{{Path: "/pay/", Service: "shop-v2", Redirect: headroom.Redirect{Status: 308}}}
		if _, err := w.control.SetRoutes(t.Context(), "shop", list, headroom.Change{IfMatch: []string{before.Version}}); err != nil {
			t.Fatal(err)
		}
		w.restart()
		w.pass(5 * time.Second)
		if got, _ := w.control.Routes("shop"); len(got.Routes) != 1 || got.Routes[0].Path != "/pay/" || got.Source != headroom.SourceAPI {
			t.Errorf("it is %+v", got)
		}
		list[0].Service = "nobody"
		_, err := w.control.SetRoutes(t.Context(), "shop", list, headroom.Change{})
		if invalid := (*headroom.InvalidError)(nil); !errors.As(err, &invalid) || invalid.Field != "routes[0].service" {
			t.Errorf("a route to nobody: %v", err)
		}
		if _, err := w.control.SetRoutes(t.Context(), "shop", nil, headroom.Change{}); err != nil {
			t.Fatal(err)
		}
		if got, _ := w.control.Routes("shop"); len(got.Routes) != 0 || got.Source != headroom.SourceAPI {
			t.Errorf("none at all: %+v", got)
		}
		if err := w.control.ResetRoutes(t.Context(), "shop", headroom.Change{}); err != nil {
			t.Fatal(err)
		}
		if got, _ := w.control.Routes("shop"); got.Version != before.Version {
			t.Errorf("taken back it is %+v", got)
		}
	})
}
