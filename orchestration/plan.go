package orchestration

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"headroom.dev/headroom"
)

// Plan says what to do now so that a service gets the replicas that are wished. It is pure and safe for concurrent use.
//
// The rules, each from a disaster that somebody had:
//
//   - Nothing is computed from an unknown count (kubernetes/autoscaler#3240).
//   - Growing never writes a number below the last confirmed count (kubernetes/autoscaler#9452).
//   - What goes is named, and has been drained (kubernetes/autoscaler#9182).
//   - Nothing goes before the platform has been read completely once, nor while a reading has gaps
//     (kubernetes/autoscaler#446).
//   - Replicas that do not get ready, or that drain slowly, hold up nothing but themselves (nomad-autoscaler#672).
//   - What is drained and cannot be removed serves again when it is needed (nomad-autoscaler#911).
//   - Open operations count as done, so nothing is ordered twice (nomad-autoscaler#610).
func Plan(w World) Step {
	step := Step{Backoff: w.Backoff.notBeyond(w.Now), NextOrdinal: w.NextOrdinal}
	if w.Inventory == nil {
		step.Waiting = fmt.Sprintf("it is not known which replicas %s has", w.Service)
		return step
	}
	if w.Wish.Replicas <= 0 && !w.Wish.None {
		return step
	}
	p := planner{World: w, census: take(w), step: step}
	p.step.NextOrdinal = nextOrdinal(w)

	if p.certain {
		p.bury()
		p.discard()
		p.giveUp()
	}
	p.calm()
	switch live := p.live(); {
	case live < w.Wish.Replicas:
		p.takeBack()
		p.grow()
	case live > w.Wish.Replicas:
		p.shed()
	}
	if p.certain {
		p.stopDrained()
	}
	return p.step
}

// planner makes one Step. Its census is kept up to date with what has been planned.
type planner struct {
	World
	census
	step Step

	failed       bool // a replica failed early: the back-off was raised in this step
	unluckyReady int  // replicas that died after a healthy life
}

// bury plans to forget dead replicas. They are not live any more, so that growing replaces them.
func (p *planner) bury() {
	for _, replica := range p.dead {
		held := p.held(p.Capabilities)
		p.add(headroom.OperationShrink, replica.Name, held, held, fmt.Sprintf("%s ended: %s", replica.Name, ending(replica)))
		if _, planned := p.Draining[replica.Name]; planned || p.drains[replica.Name] != "" {
			continue
		}
		if failedEarly(replica, p.Now) {
			p.fail()
			continue
		}
		p.unluckyReady++
	}
	p.dead = nil
}

// discard plans to remove replicas that were started from an older configuration and have not got ready: the one that
// replaced it may have mended why, and would otherwise wait for their time to be over. That they fail says nothing of it.
// A platform that takes a number replaces its own.
func (p *planner) discard() {
	if !p.Capabilities.NamesReplicas {
		return
	}
	for _, list := range []*[]headroom.Replica{&p.starting, &p.late} {
		for i := 0; i < len(*list); {
			replica := (*list)[i]
			if current(replica, p.World) {
				i++
				continue
			}
			held := p.held(p.Capabilities)
			p.add(headroom.OperationShrink, replica.Name, held, held-1,
				fmt.Sprintf("%s is not ready, and runs a configuration that is no longer in force", replica.Name))
			*list = slices.Delete(*list, i, i+1)
		}
	}
}

// giveUp plans to remove replicas that have been starting for too long.
func (p *planner) giveUp() {
	for len(p.late) > 0 {
		replica := p.late[0]
		held := p.held(p.Capabilities)
		reason := fmt.Sprintf("%s did not get ready within %s", replica.Name, headroom.Duration(p.StartTimeout))
		if replica.Detail != "" {
			reason += ": " + replica.Detail
		}
		p.add(headroom.OperationShrink, replica.Name, held, held-1, reason)
		p.late = p.late[1:]
		p.fail()
	}
}

// fail raises the back-off, once for all that failed together.
func (p *planner) fail() {
	if !p.failed {
		p.step.Backoff = p.step.Backoff.Failed(p.Now, p.Random)
		p.failed = true
	}
}

// calm ends the back-off when a replica that was started after the last failure has got through its early life, or
// when all has been well for long enough.
func (p *planner) calm() {
	if p.failed || p.step.Backoff.Failures == 0 {
		return
	}
	for _, replica := range p.serving {
		if replica.CreatedAt.After(p.step.Backoff.LastFailure) && !replica.ReadyAt.IsZero() && p.Now.Sub(replica.ReadyAt) >= earlyLife {
			p.step.Backoff = Backoff{}
			return
		}
	}
	if p.Now.Sub(p.step.Backoff.LastFailure) < healthyAfter {
		return
	}
	if len(p.serving) < p.Wish.Replicas {
		return
	}
	for _, replica := range p.serving {
		if p.Now.Sub(replica.ReadyAt) < earlyLife {
			return
		}
	}
	p.step.Backoff = Backoff{}
}

// takeBack gives draining replicas traffic again instead of starting others, the oldest first.
func (p *planner) takeBack() {
	victims(p.leaving, p.World)
	for i := len(p.leaving) - 1; i >= 0 && p.live() < p.Wish.Replicas; i-- {
		replica := p.leaving[i]
		if replica.State != headroom.ReplicaReady || p.Sick[replica.Name] {
			continue // it could not serve: another one is started
		}
		p.step.Cancel = append(p.step.Cancel, Cancellation{Operation: cmp.Or(p.refused[replica.Name], p.drains[replica.Name]), Replica: replica.Name,
			Reason: fmt.Sprintf("%d replicas are wanted again", p.Wish.Replicas)})
		p.leaving = append(p.leaving[:i], p.leaving[i+1:]...)
		p.serving = append(p.serving, replica)
	}
}

// grow orders what is missing.
func (p *planner) grow() {
	n := p.Wish.Replicas - p.live()
	if p.MaxStarting > 0 {
		if room := max(p.MaxStarting-len(p.starting)-p.pending, 0); n > room {
			n = room
			p.step.Waiting = fmt.Sprintf("%d replicas of %s are starting, and no more than %d may at once", len(p.starting)+p.pending, p.Service, p.MaxStarting)
		}
	}
	// A replica that died after a healthy life is no sign of a crash loop and is replaced at once.
	if wait := p.step.Backoff.NotBefore.Sub(p.Now); wait > 0 && n > p.unluckyReady {
		n = p.unluckyReady
		p.step.Waiting = fmt.Sprintf("new replicas of %s keep failing (%d in a row); the next is started in %s",
			p.Service, p.step.Backoff.Failures, headroom.Duration(wait.Round(100*time.Millisecond)))
	}
	if n <= 0 {
		return
	}
	held := p.held(p.Capabilities)
	if !p.Capabilities.NamesReplicas {
		p.add(headroom.OperationGrow, "", held, max(held+n, p.LastConfirmed), p.Wish.Reason)
		p.pending += n
		return
	}
	for range n {
		name := fmt.Sprintf("%s-%d", p.Service, p.step.NextOrdinal)
		p.step.NextOrdinal++
		p.add(headroom.OperationGrow, name, held, max(held+1, p.LastConfirmed), p.Wish.Reason)
		held++
		p.pending++
	}
}

// shed takes away what is too much: those that never carried traffic at once, the others after a drain.
func (p *planner) shed() {
	if !p.certain {
		p.step.Waiting = fmt.Sprintf("%s has too many replicas, but not all of them could be read, so none is taken away", p.Service)
		return
	}
	victims(p.starting, p.World)
	for p.live() > p.Wish.Replicas && len(p.starting) > 0 {
		replica := p.starting[0]
		held := p.held(p.Capabilities)
		p.add(headroom.OperationShrink, replica.Name, held, held-1, p.Wish.Reason)
		p.starting = p.starting[1:]
	}
	// Ready ones only while more of them than wished are in traffic: those that are ordered and not seen yet may never come.
	victims(p.serving, p.World)
	for p.live() > p.Wish.Replicas && len(p.serving) > p.Wish.Replicas {
		replica := p.serving[0]
		p.add(headroom.OperationDrain, replica.Name, len(p.serving), len(p.serving)-1, p.Wish.Reason)
		p.serving = p.serving[1:]
	}
}

// stopDrained plans to remove replicas whose last request has ended, or whose time for that is over.
func (p *planner) stopDrained() {
	for len(p.leaving) > 0 {
		replica := p.leaving[0]
		held := p.held(p.Capabilities)
		p.leaving = p.leaving[1:]
		since, draining := p.Draining[replica.Name]
		if !draining || p.refused[replica.Name] != "" {
			continue // planned, and the balancers do not know yet; or ordered already
		}
		traffic := p.Traffic[replica.Name]
		switch {
		case traffic.Drained:
			p.add(headroom.OperationShrink, replica.Name, held, held-1, replica.Name+" has answered its last request")
		case p.Now.Sub(since) >= p.DrainTimeout:
			p.add(headroom.OperationShrink, replica.Name, held, held-1, overdue(replica.Name, traffic, p.DrainTimeout))
		}
	}
}

func (p *planner) add(kind headroom.OperationKind, replica string, from, to int, reason string) {
	op := headroom.Operation{
		// Unique without a counter that a crash could set back: no replica gets the same kind twice in a millisecond.
		ID:      fmt.Sprintf("%s-%s-%s", kind, replica, strconv.FormatInt(p.Now.UnixMilli(), 36)),
		Service: p.Service, Kind: kind, Replicas: []string{replica}, From: from, To: to,
		Decision: p.Wish.Decision, Reason: reason, State: headroom.OperationPlanned, PlannedAt: p.Now,
	}
	if replica == "" {
		op.ID, op.Replicas = fmt.Sprintf("%s-%s-%s", kind, p.Service, strconv.FormatInt(p.Now.UnixMilli(), 36)), nil
	}
	p.step.Operations = append(p.step.Operations, op)
}

func ending(replica headroom.Replica) string {
	if replica.Exit == "" {
		return "it is not known how"
	}
	return replica.Exit
}

func overdue(name string, traffic Traffic, limit time.Duration) string {
	if traffic.InFlight == nil {
		return fmt.Sprintf("%s was not known to be free of requests after %s", name, headroom.Duration(limit))
	}
	return fmt.Sprintf("%s still had %d in flight after %s", name, *traffic.InFlight, headroom.Duration(limit))
}
