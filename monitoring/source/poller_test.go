package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/monitoring/signal"
)

// fakeScaler is an external scaler that answers what a test says.
type fakeScaler struct {
	mu             sync.Mutex
	value          float64
	err            error
	takes          time.Duration
	reads          []time.Time
	running, most  int
	opened, closed int
}

func (f *fakeScaler) Read(ctx context.Context) (float64, error) {
	f.mu.Lock()
	f.reads = append(f.reads, time.Now())
	f.running++
	f.most = max(f.most, f.running)
	value, err, takes := f.value, f.err, f.takes
	f.mu.Unlock()
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(takes):
	}
	f.mu.Lock()
	f.running--
	f.mu.Unlock()
	return value, err
}

func (f *fakeScaler) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}

func (f *fakeScaler) say(value float64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.value, f.err = value, err
}

func (f *fakeScaler) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reads)
}

func (f *fakeScaler) lives() (opened, closed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened, f.closed
}

func (f *fakeScaler) crowd() (now, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running, f.most
}

// polling is a poller at work and what it reported.
type polling struct {
	*Poller
	scalers map[string]*fakeScaler // by address
	mu      sync.Mutex
	samples []signal.Sample
}

func newPolling(scalers map[string]*fakeScaler) *polling {
	p := &polling{scalers: scalers}
	p.Poller = NewPoller(Options{
		Logger: slog.New(slog.DiscardHandler),
		Report: func(s signal.Sample) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.samples = append(p.samples, s)
		},
		External: func(source headroom.ExternalSource, _ string) (Reader, error) {
			scaler := scalers[source.Address]
			if scaler == nil {
				return nil, fmt.Errorf("there is no scaler at %s", source.Address)
			}
			scaler.mu.Lock()
			defer scaler.mu.Unlock()
			scaler.opened++
			return scaler, nil
		},
	})
	return p
}

// start runs the poller until stop is called, which waits for it.
func (p *polling) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

func (p *polling) newest(name string) signal.Sample {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range slices.Backward(p.samples) {
		if s.Service == name || s.Service+" "+string(s.Signal) == name {
			return s
		}
	}
	return signal.Sample{}
}

func external(address string, every time.Duration) headroom.SignalFrom {
	return headroom.SignalFrom{Every: headroom.Duration(every), StaleAfter: headroom.Duration(time.Minute),
		External: &headroom.ExternalSource{Address: address, Timeout: headroom.Duration(5 * time.Second)}}
}

// services have one signal each, named queue, but for those named "service signal".
func services(signals map[string]headroom.SignalFrom) map[string]headroom.Service {
	all := map[string]headroom.Service{}
	for name, from := range signals {
		service, metric, named := strings.Cut(name, " ")
		if !named {
			metric = "queue"
		}
		if all[service].Run == nil {
			all[service] = headroom.Service{Run: &headroom.Run{}, Scaling: headroom.Scaling{Signals: map[headroom.Metric]headroom.SignalFrom{}}}
		}
		all[service].Scaling.Signals[headroom.Metric(metric)] = from
	}
	return all
}

func TestASignalIsReadAtOnceAndThenAsOftenAsItsUserWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scaler := &fakeScaler{value: 7}
		p := newPolling(map[string]*fakeScaler{"a:1": scaler})
		p.Apply(services(map[string]headroom.SignalFrom{"shop": external("a:1", 10*time.Second)}))
		defer p.start()()
		time.Sleep(time.Second)
		if got := p.newest("shop"); got.Value != 7 || got.Err != "" || got.Failures != 0 || got.Signal != "queue" {
			t.Errorf("got %+v after a second", got)
		}
		time.Sleep(10 * time.Minute)
		scaler.mu.Lock()
		defer scaler.mu.Unlock()
		for i := 1; i < len(scaler.reads); i++ {
			if apart := scaler.reads[i].Sub(scaler.reads[i-1]); apart < 9*time.Second || apart > 10*time.Second {
				t.Errorf("readings %s apart: want 9s to 10s", apart)
			}
		}
		if n := len(scaler.reads); n < 60 || n > 68 {
			t.Errorf("%d readings in ten minutes", n)
		}
	})
}

func TestFailuresInARowAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scaler := &fakeScaler{err: errors.New("no queue")}
		p := newPolling(map[string]*fakeScaler{"a:1": scaler})
		p.Apply(services(map[string]headroom.SignalFrom{"shop": external("a:1", 10*time.Second)}))
		defer p.start()()
		for n := 1; n <= 3; n++ {
			for scaler.count() < n {
				time.Sleep(time.Second)
			}
			synctest.Wait()
			if got := p.newest("shop"); got.Failures != n || got.Err != "no queue" {
				t.Errorf("got %+v after %d failures", got, n)
			}
		}
		scaler.say(-1, nil)
		time.Sleep(10 * time.Second)
		if got := p.newest("shop"); got.Failures != 4 || got.Err != "its value is -1: a signal must not be below zero" {
			t.Errorf("got %+v for a value below zero", got)
		}
		scaler.say(0, nil)
		time.Sleep(10 * time.Second)
		if got := p.newest("shop"); got.Failures != 0 || got.Err != "" {
			t.Errorf("got %+v when it can be read again", got)
		}
	})
}

func TestAServerThatDoesNotAnswerDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs, works := &fakeScaler{takes: time.Hour}, &fakeScaler{value: 1}
		p := newPolling(map[string]*fakeScaler{"hangs:1": hangs, "works:1": works})
		signals := map[string]headroom.SignalFrom{"shop": external("works:1", time.Second)}
		for n := range 100 {
			from := external("hangs:1", time.Second)
			from.External.Metric = fmt.Sprint(n)
			signals[fmt.Sprintf("other-%d", n)] = from
		}
		p.Apply(services(signals))
		defer p.start()()
		time.Sleep(time.Minute)
		if n := works.count(); n < 59 {
			t.Errorf("the server that works was asked %d times in a minute", n)
		}
		if _, most := hangs.crowd(); most != atOnce {
			t.Errorf("%d readings at once of one server; want %d", most, atOnce)
		}
		for n := range 100 { // 12 rounds of 8 at 5 s each: every signal had its turn, or waits for it
			if got := p.newest(fmt.Sprintf("other-%d", n)); got.Failures > 0 && got.Err != "there was no complete answer before its timeout" {
				t.Errorf("got %+v", got)
			}
		}
	})
}

func TestEqualSignalsAreReadOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scaler := &fakeScaler{value: 3}
		p := newPolling(map[string]*fakeScaler{"a:1": scaler})
		one, two, rarer := external("a:1", 10*time.Second), external("a:1", 10*time.Second), external("a:1", time.Hour)
		two.Fallback = headroom.SignalFallback{Behavior: "static", Replicas: 4} // does not change how it is read
		p.Apply(services(map[string]headroom.SignalFrom{"shop": one, "shop lag": two, "shop age": rarer, "api": one}))
		defer p.start()()
		time.Sleep(time.Second)
		if n := scaler.count(); n != 3 {
			t.Errorf("read %d times; want once for two signals, once for the one with another period, and once for another service, which scalers are told", n)
		}
		for _, service := range []string{"shop queue", "shop lag", "shop age", "api"} {
			if got := p.newest(service); got.Value != 3 {
				t.Errorf("%s got %+v", service, got)
			}
		}
	})
}

func TestAChangedConfigurationIsInForceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &fakeScaler{value: 1}, &fakeScaler{value: 2}
		p := newPolling(map[string]*fakeScaler{"a:1": a, "b:1": b})
		defer p.start()()
		p.Apply(services(map[string]headroom.SignalFrom{"shop": external("a:1", time.Hour)}))
		time.Sleep(time.Second)
		p.Apply(services(map[string]headroom.SignalFrom{"shop": external("a:1", time.Hour)}))
		time.Sleep(time.Second)
		if _, closed := a.lives(); a.count() != 1 || closed != 0 {
			t.Errorf("read %d times, closed %d times, though nothing changed", a.count(), closed)
		}
		p.Apply(services(map[string]headroom.SignalFrom{"shop": external("a:1", time.Hour), "shop lag": external("a:1", time.Hour)}))
		time.Sleep(time.Second)
		if opened, _ := a.lives(); p.newest("shop lag").Value != 1 || opened != 1 {
			t.Errorf("a second signal got %+v, from %d readers", p.newest("shop lag"), opened)
		}
		p.Apply(services(map[string]headroom.SignalFrom{"shop": external("b:1", time.Second)}))
		time.Sleep(10 * time.Second)
		if _, closed := a.lives(); p.newest("shop").Value != 2 || a.count() != 2 || closed != 1 {
			t.Errorf("got %+v; the old source was read %d times and closed %d times", p.newest("shop"), a.count(), closed)
		}
	})
}

func TestAllIsClosedWhenItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle, busy := &fakeScaler{}, &fakeScaler{takes: time.Hour}
		p := newPolling(map[string]*fakeScaler{"idle:1": idle, "busy:1": busy})
		p.Apply(services(map[string]headroom.SignalFrom{"shop": external("idle:1", time.Second), "api": external("busy:1", time.Second)}))
		stop := p.start()
		time.Sleep(2 * time.Second)
		stop()
		_, one := idle.lives()
		_, other := busy.lives()
		if running, _ := busy.crowd(); one != 1 || other != 1 || running != 0 {
			t.Errorf("closed %d and %d times, %d readings run", one, other, running)
		}
		if got := p.newest("api"); got.Err != "" {
			t.Errorf("a reading that the end cut off was reported as a failure: %+v", got)
		}
	})
}

func TestWhatIsPushedCountsAtOnceAndFailsOnceItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(nil)
		from := headroom.SignalFrom{Every: headroom.Duration(15 * time.Second), StaleAfter: headroom.Duration(time.Minute),
			Pushed: &headroom.PushedSource{Metric: "orders"}}
		p.Apply(services(map[string]headroom.SignalFrom{"shop": from}))
		defer p.start()()
		time.Sleep(time.Second)
		if got := p.newest("shop"); got.Err != "nobody has sent orders yet" || got.Failures != 1 {
			t.Errorf("before anything was sent: %+v", got)
		}
		sent := time.Now()
		if err := p.Push([]headroom.PushedValue{{Name: "orders", Value: 30, At: sent}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := p.newest("shop"); got.Value != 30 || got.Err != "" || !got.At.Equal(sent) {
			t.Errorf("when it was sent: %+v", got)
		}
		time.Sleep(76 * time.Second)
		if got := p.newest("shop"); got.Failures < 1 || got.Err == "" {
			t.Errorf("when it is old: %+v", got)
		}
	})
}

func TestQueriesToOneServerShareItsConnections(t *testing.T) {
	var connections, asked atomic.Int64
	all := make(chan struct{})
	const signals = 50
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == signals {
			close(all)
		}
		_, _ = w.Write([]byte("5"))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	from := map[string]headroom.SignalFrom{}
	for n := range signals {
		from[fmt.Sprint(n)] = headroom.SignalFrom{Every: headroom.Duration(time.Hour), HTTP: &headroom.HTTPSource{URL: fmt.Sprintf("%s/%d", server.URL, n)}}
	}
	p := newPolling(nil)
	p.Apply(services(from))
	defer p.start()()
	select {
	case <-all:
	case <-time.After(10 * time.Second):
		t.Fatalf("asked %d times", asked.Load())
	}
	if n := connections.Load(); n > atOnce {
		t.Errorf("%d connections; want at most %d", n, atOnce)
	}
}

func BenchmarkApply(b *testing.B) {
	p := newPolling(nil)
	signals := map[string]headroom.SignalFrom{}
	for n := range 10_000 {
		signals[fmt.Sprint(n)] = external(fmt.Sprintf("a:%d", n), 15*time.Second)
	}
	all := services(signals)
	b.ReportAllocs()
	for b.Loop() {
		p.Apply(all)
	}
}
