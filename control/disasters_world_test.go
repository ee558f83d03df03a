package control_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
	"headroom.dev/headroom/monitoring/signal"
	"headroom.dev/headroom/platform/fake"
	"headroom.dev/headroom/scaling"
)

// A world of a minute or two takes about 0.1 s with the race detector, and there are eight disasters: -rapid.checks asks for more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "15"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// scene is a random world and the disaster that comes over it. All of it is drawn before it is lived: who draws must not be in the time of synctest.
type scene struct {
	scaling        headroom.Scaling
	byNumber       bool          // the platform takes a number and chooses names itself
	slow           time.Duration // how long a draining replica still has a request
	stale          time.Duration // the platform shows what was so long ago
	before, during []moment
	faults         fake.Faults // while the disaster lasts; the delays are those of before where not given

	// What else happens when it begins, and what must hold while it lasts: of each order that the platform gets, and every quarter of a second. The
	// last two say what is wrong.
	begins func(*witness)
	order  func(*witness, any) string
	looks  func(*witness) string
}

// moment is a second of a world.
type moment struct {
	load  float64 // requests at once, of all replicas
	crash bool    // of the oldest replica
	kill  bool    // of headroom, which starts again at once
	hand  int     // replicas that a person orders for 3 s; -1 for no order
	lies  int     // readings of the platform that say that there is nothing
}

// drawMoments draws a load that is the same for some seconds, and what happens beside it.
func drawMoments(t *rapid.T, name string, seconds int) []moment {
	moments := make([]moment, 0, seconds)
	for len(moments) < seconds {
		load := rapid.SampledFrom([]float64{0, 5, 15, 38, 55, 75, 95}).Draw(t, name+" load")
		moments = append(moments, steady(load, min(rapid.IntRange(2, 8).Draw(t, name+" seconds"), seconds-len(moments)))...)
	}
	if rapid.IntRange(0, 3).Draw(t, name+" hand") == 0 {
		moments[rapid.IntRange(0, seconds-1).Draw(t, "hand at")].hand = rapid.IntRange(0, 6).Draw(t, "hand")
	}
	return moments
}

func steady(load float64, seconds int) []moment {
	return slices.Repeat([]moment{{load: load, hand: -1}}, seconds)
}

// drawSwing draws a load that is high and then next to nothing, or the other way round.
func drawSwing(t *rapid.T, first int) []moment {
	high, low := rapid.SampledFrom([]float64{75, 95}).Draw(t, "high"), rapid.SampledFrom([]float64{0, 5}).Draw(t, "low")
	if rapid.Bool().Draw(t, "low first") {
		high, low = low, high
	}
	return append(steady(high, first), steady(low, rapid.IntRange(8, 10).Draw(t, "swing"))...)
}

// drawCalm draws what a world begins with: a policy, a platform, and some seconds in which all is well.
func drawCalm(t *rapid.T) scene {
	return scene{scaling: drawScaling(t), byNumber: rapid.Bool().Draw(t, "by number"), before: drawMoments(t, "before", rapid.IntRange(6, 14).Draw(t, "calm"))}
}

// kills has headroom killed in some of the seconds.
func kills(t *rapid.T, moments []moment) {
	for range rapid.IntRange(0, 2).Draw(t, "kills") {
		moments[rapid.IntRange(0, len(moments)-1).Draw(t, "kill at")].kill = true
	}
}

// inRandomWorlds lives each scene that is drawn.
func inRandomWorlds(t *testing.T, draw func(*rapid.T) scene) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := draw(rt)
		if errs := append((headroom.Service{Run: shop().Run, Scaling: s.scaling, LoadBalancing: shop().LoadBalancing}).Scaling.Validate("scaling"),
			scaling.Check("scaling", s.scaling)...); len(errs) > 0 {
			rt.Fatalf("a policy that no config could have: %v", errs)
		}
		wrong := ""
		synctest.Test(t, func(t *testing.T) { wrong = s.live(t) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// witness looks at a world while a scene is lived in it.
type witness struct {
	*world
	scene scene
	began time.Time // the disaster; zero is not yet, or no more

	// What looks remembers from look to look.
	desired int       // at the last look
	since   time.Time // when desired became what it is
	least   int       // desired, since the disaster began
	serving []string  // ready and in traffic when it began
	most    int       // that were ever wanted, at least

	mu     sync.Mutex // guards what follows
	doomed map[string]bool
	wrong  string
}

// quick are the delays of a platform that is well.
var quick = fake.Faults{StartDelay: 300 * time.Millisecond, StopDelay: 200 * time.Millisecond}

func (s scene) live(t *testing.T) string {
	w := newWorld(t)
	w.platform = fake.New(headroom.Capabilities{NamesReplicas: !s.byNumber, NamesVictims: true}, time.Now)
	delays := quick
	delays.Stale = s.stale
	w.platform.SetFaults(delays)
	w.balancer.slow = s.slow
	settings := shop()
	settings.Scaling = s.scaling
	w.config.Services["shop"] = settings
	v := &witness{world: w, scene: s, doomed: map[string]bool{}}
	w.witness = v.sees
	defer w.kill()
	w.start()
	w.pass(10 * time.Millisecond) // what happens by chance does not happen at the very moment of a measurement
	v.pass(s.before)
	v.strike()
	v.pass(s.during)
	v.heal()
	return v.verdict()
}

// strike begins the disaster.
func (v *witness) strike() {
	faults := v.scene.faults
	faults.Stale = v.scene.stale
	if faults.StartDelay == 0 {
		faults.StartDelay = quick.StartDelay
	}
	if faults.StopDelay == 0 {
		faults.StopDelay = quick.StopDelay
	}
	v.platform.SetFaults(faults)
	v.mu.Lock()
	v.began = time.Now()
	v.mu.Unlock()
	v.desired, v.since, v.serving = v.status().DesiredReplicas, time.Now(), v.inTraffic()
	v.least = v.desired
	if v.scene.begins != nil {
		v.scene.begins(v)
	}
}

// heal ends it, and gives the service a policy that rests: 15 requests at once and 10 for each replica are two. In the end there are those, and nothing is
// left to do; the longest back-off is six minutes.
func (v *witness) heal() {
	v.mu.Lock()
	v.began = time.Time{}
	v.mu.Unlock()
	v.platform.SetFaults(quick)
	v.throttleOrders(false)
	v.lies.Store(0)
	v.balancer.mu.Lock()
	v.balancer.slow = 0
	v.balancer.mu.Unlock()
	v.config = headroom.Config{Services: map[string]headroom.Service{"shop": shop()}}
	if err := v.control.Apply(v.config); err != nil {
		v.object("%v", err)
	}
	for range 420 {
		v.second(moment{load: 15, hand: -1})
		status := v.status()
		if len(v.inTraffic()) == 2 && len(v.names()) == 2 && status.DesiredReplicas == 2 && len(status.Operations) == 0 {
			break
		}
	}
	if status := v.status(); len(v.inTraffic()) != 2 || len(v.names()) != 2 || len(status.Operations) > 0 {
		v.object("2 replicas are to be left, and seven minutes after all is well there are %v, of which %v serve; %d are wanted, %s is open; %s",
			v.names(), v.inTraffic(), status.DesiredReplicas, encoded(v.t, status.Operations), status.Problems)
	}
	for _, decision := range entries[headroom.Decision](v.store, headroom.EntryDecision) {
		if again, same := scaling.Replay(decision); !same {
			v.object("the decision %s, %d to %d, made again is to %d", decision.ID, decision.From, decision.To, again.To)
		}
	}
}

func (v *witness) pass(moments []moment) {
	for _, m := range moments {
		v.second(m)
	}
}

func (v *witness) second(m moment) {
	v.balancer.set(m.load)
	living := v.names()
	v.platform.SetLoad("shop", m.load*0.05/float64(max(len(living), 1)), 1<<20)
	v.control.Sampled(signal.Sample{Service: "shop", Signal: "queue", At: time.Now(), Value: m.load})
	v.lies.Add(int32(m.lies))
	if m.crash && len(living) > 0 {
		v.platform.Crash("shop", living[0], "killed by SIGKILL")
	}
	if m.kill {
		v.kill()
		v.start()
	}
	if m.hand >= 0 {
		_, _ = v.control.Scale(v.t.Context(), headroom.ScaleOrder{Service: "shop", Replicas: m.hand, For: headroom.Duration(3 * time.Second)}, headroom.Change{})
	}
	for range 4 {
		v.world.pass(250 * time.Millisecond)
		v.look()
	}
}

// look is what is looked at all the time: that the bounds hold, and what the scene looks at.
func (v *witness) look() {
	desired := v.status().DesiredReplicas
	if desired < 0 || desired > mostMost {
		v.object("%d replicas are wanted", desired)
	}
	if desired != v.desired {
		v.desired, v.since = desired, time.Now()
	}
	v.least, v.most = min(v.least, desired), max(v.most, desired)
	if v.began.IsZero() || v.scene.looks == nil {
		return
	}
	if wrong := v.scene.looks(v); wrong != "" {
		v.object("%s", wrong)
	}
}

// sees is told each order before the platform is, which takes a moment, as all do.
func (v *witness) sees(order any) {
	time.Sleep(time.Millisecond)
	v.mu.Lock()
	disaster := !v.began.IsZero()
	v.mu.Unlock()
	wrong := ""
	if disaster && v.scene.order != nil {
		wrong = v.scene.order(v, order)
	}
	if wrong != "" {
		v.object("%s", wrong)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if removal, is := order.(headroom.Removal); is {
		for _, name := range removal.Names {
			v.doomed[name] = true
		}
	}
}

// object notes what is wrong; the first thing counts.
func (v *witness) object(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.wrong == "" {
		v.wrong = time.Now().Format("15:04:05.00 ") + fmt.Sprintf(format, args...) + v.story()
	}
}

// story is what was decided and done last.
func (v *witness) story() string {
	told := ""
	all, _ := v.store.Journal(headroom.JournalQuery{})
	for _, entry := range all[max(0, len(all)-60):] {
		switch entry.Kind {
		case headroom.EntryDecision:
			var d headroom.Decision
			_ = json.Unmarshal(entry.Data, &d)
			told += fmt.Sprintf("\n%s %d to %d, %s", entry.At.Format("04:05.00"), d.From, d.To, d.Code)
		case headroom.EntryOperation:
			var o headroom.Operation
			_ = json.Unmarshal(entry.Data, &o)
			told += fmt.Sprintf("\n%s %s %v %d to %d, %s %s", entry.At.Format("04:05.00"), o.Kind, o.Replicas, o.From, o.To, o.State, o.Error)
		}
	}
	return told
}

func (v *witness) verdict() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.wrong
}

// striking is for how long the disaster has lasted.
func (v *witness) striking() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return time.Since(v.began)
}

// inTraffic lists the replicas that are ready, as it really is, and that the balancer sends requests to.
func (v *witness) inTraffic() []string {
	active := v.balancer.backends(headroom.BackendActive)
	var serving []string
	for _, replica := range v.platform.Truth("shop") {
		if replica.State == headroom.ReplicaReady && slices.Contains(active, replica.Name) {
			serving = append(serving, replica.Name)
		}
	}
	return serving
}

// staying lists the replicas that live, and that neither drain nor were told to stop.
func (v *witness) staying() []string {
	draining := v.balancer.backends(headroom.BackendDraining)
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.DeleteFunc(v.names(), func(name string) bool { return v.doomed[name] || slices.Contains(draining, name) })
}

// mostWanted is the most replicas that were ever wanted.
func (v *witness) mostWanted() int {
	most := 0
	for _, decision := range entries[headroom.Decision](v.store, headroom.EntryDecision) {
		most = max(most, decision.From, decision.To)
	}
	return most
}

// writesTooLittle says that a growth writes a number to a group that has more than that.
func (v *witness) writesTooLittle(order any) string {
	if growth, is := order.(headroom.Growth); is && v.scene.byNumber && growth.To < len(v.names()) {
		return fmt.Sprintf("growing wrote %d to a group of %d", growth.To, len(v.names()))
	}
	return ""
}

// stopsLiving says that a replica is stopped that lives.
func (v *witness) stopsLiving(order any) string {
	removal, is := order.(headroom.Removal)
	if !is {
		return ""
	}
	for _, name := range removal.Names {
		if slices.Contains(v.names(), name) {
			return fmt.Sprintf("%s was stopped %s after the platform could not be read any more", name, v.striking())
		}
	}
	return ""
}
