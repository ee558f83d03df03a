package kpa

import "time"

// activationBuffer is added to the ProgressDeadline, so that who owns the pods can say first why they fail. Knative's activationTimeoutBuffer.
const activationBuffer = 30 * time.Second

// Activity is whether a service has pods that serve.
type Activity string

// The activities; Knative's condition Active is Unknown, True or False.
const (
	Activating Activity = "activating" // pods are wanted and not ready yet
	Active     Activity = "active"
	Inactive   Activity = "inactive" // no load: the last pods go, or have gone
)

// Life is what Reconcile remembers. The zero Life is of a service that was just created.
type Life struct {
	Activity Activity  `json:"activity"`
	Since    time.Time `json:"since,omitzero"` // of Activity
	// Initialized is set once as many pods as InitialScale and MinScale ask for have been ready.
	Initialized bool `json:"initialized"`
	// ProxiedSince is when requests began to pass the activator; zero while they go to the pods directly.
	ProxiedSince time.Time `json:"proxiedSince,omitzero"`
}

// Pods is what Reconcile is made from beside a Decision.
type Pods struct {
	Now      time.Time
	Ready    int
	Replicas int // asked for at present
	// ActivatorReady says whether a probe of the service reaches the activator. Who has no such probe passes true.
	ActivatorReady bool
}

// Outcome is what there should be.
type Outcome struct {
	Want     int      // pods; -1 is not known
	Replicas int      // to ask for now: Want, or as many as before where it is too early
	Bound    Bound    // the last rule that changed Want, or put it off
	Activity Activity // after this
	Proxied  bool     // requests pass the activator, which holds them while no pod is ready
}

// Reconcile applies bounds, the initial scale and the conditions for scaling to zero to the desired pods and the excess burst of the last
// decision, as Knative's reconciler of PodAutoscalers does. Call it each second, or when something changed.
func Reconcile(policy Policy, pods Pods, last Decision, life *Life) Outcome {
	p := policy.usable()
	if life.Since.IsZero() {
		*life = Life{Activity: Activating, Since: pods.Now, ProxiedSince: pods.Now}
	}
	want, apply, bound := p.want(pods, last.Desired, life)
	out := Outcome{Want: want, Replicas: pods.Replicas, Bound: bound}
	if apply {
		out.Replicas = want
	}
	out.Proxied = want <= 0 || last.ExcessBurst < 0
	life.proxied(out.Proxied, pods.Now)
	life.next(&p, want, pods)
	out.Activity = life.Activity
	return out
}

// want is the number of pods, and whether to ask for it now.
func (p *Policy) want(pods Pods, desired int, life *Life) (want int, apply bool, bound Bound) {
	if desired < 0 && life.Activity != Activating {
		return -1, false, BoundNoLoad
	}
	least, bound := p.minScale(), BoundMinScale
	if p.InitialScale > 1 && !life.Initialized && !p.Unreachable && p.InitialScale > least {
		least, bound = p.InitialScale, BoundInitialScale
	}
	switch {
	case desired < least:
		return p.orZero(least, bound, pods, life)
	case p.MaxScale > 0 && desired > p.MaxScale:
		return p.MaxScale, true, BoundMaxScale
	default:
		return p.orZero(max(desired, 0), BoundNone, pods, life)
	}
}

// orZero lets through any number but 0, for which a service must have been active for a stable window, then inactive and behind
// the activator for the grace period. A service whose first pods never became ready goes to 0 after the progress deadline.
func (p *Policy) orZero(desired int, bound Bound, pods Pods, life *Life) (want int, apply bool, why Bound) {
	if desired != 0 {
		return desired, true, bound
	}
	if p.KeepLastPod {
		return 1, true, BoundKeepLastPod
	}
	since := pods.Now.Sub(life.Since)
	switch life.Activity {
	case Activating:
		if since > p.ProgressDeadline+activationBuffer {
			return 0, true, BoundNone
		}
		return -1, false, BoundActivating
	case Active:
		if since >= p.StableWindow {
			return 0, false, BoundInactive
		}
		return 1, true, BoundStableWindow
	default:
		return p.lastPod(since, pods, life)
	}
}

// lastPod decides whether the last pod of a service that has been inactive for so long may go.
func (p *Policy) lastPod(inactive time.Duration, pods Pods, life *Life) (want int, apply bool, bound Bound) {
	if p.TargetBurstCapacity != -1 && !pods.ActivatorReady {
		return 0, false, BoundActivator
	}
	retention := p.LastPodRetention
	if p.Unreachable {
		retention = 0
	}
	if inactive >= max(p.ScaleToZeroGrace, retention) {
		return 0, true, BoundNone
	}
	if inactive < retention {
		return 0, false, BoundRetention
	}
	if !life.ProxiedSince.IsZero() && pods.Now.Sub(life.ProxiedSince) >= p.ScaleToZeroGrace {
		return 0, true, BoundNone
	}
	return 0, false, BoundGrace
}

func (p *Policy) minScale() int {
	if p.Unreachable {
		return 0
	}
	return max(p.MinScale, 0)
}

// activeFrom is how many ready pods make a service active.
func (p *Policy) activeFrom(initialized bool) int {
	if initialized {
		return max(p.minScale(), 1)
	}
	return max(p.minScale(), p.InitialScale)
}

func (l *Life) proxied(proxied bool, now time.Time) {
	switch {
	case !proxied:
		l.ProxiedSince = time.Time{}
	case l.ProxiedSince.IsZero():
		l.ProxiedSince = now
	}
}

// next is the activity after a number was wanted.
func (l *Life) next(p *Policy, want int, pods Pods) {
	enough := p.activeFrom(l.Initialized)
	if pods.Ready >= enough {
		l.Initialized = true
	}
	switch {
	case want == 0 || enough == 0:
		l.become(Inactive, pods.Now)
	case want < 0 && l.Activity == Inactive:
	case pods.Ready < enough:
		l.become(Activating, pods.Now)
	default:
		l.become(Active, pods.Now)
	}
}

func (l *Life) become(activity Activity, now time.Time) {
	if l.Activity != activity {
		l.Activity, l.Since = activity, now
	}
}
