package source

import "context"

// lane is what waits for one server, or for one kind of thing on this machine. It bounds how much is asked of it at once, and keeps one that does not
// answer from delaying the others.
type lane struct {
	waiting []*job
	running int
}

// commandsAtOnce is lower than atOnce: programs take this machine's processors.
const commandsAtOnce = 4

func atOnceIn(name string) int {
	if name == "command" || name == "monitor" || name == "local" {
		return commandsAtOnce
	}
	return atOnce
}

// enqueue has a job read as soon as its lane has room. The caller holds mu.
func (p *Poller) enqueue(ctx context.Context, j *job) {
	l := p.lanes[j.lane]
	if l == nil {
		l = &lane{}
		p.lanes[j.lane] = l
	}
	l.waiting = append(l.waiting, j)
	if l.running < atOnceIn(j.lane) {
		l.running++
		p.workers.Go(func() { p.serve(ctx, l, j.lane) })
	}
}

// serve reads what waits in a lane until nothing does.
func (p *Poller) serve(ctx context.Context, l *lane, name string) {
	for {
		j := p.dequeue(ctx, l, name)
		if j == nil {
			return
		}
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		p.read(ctx, j)
		<-p.slots
	}
}

// dequeue takes the next job of a lane; nil where none waits, or where all ends.
func (p *Poller) dequeue(ctx context.Context, l *lane, name string) *job {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(l.waiting) > 0 && ctx.Err() == nil {
		next := l.waiting[0]
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
		if !next.gone {
			return next
		}
		next.close()
	}
	if l.running--; l.running == 0 {
		delete(p.lanes, name)
	}
	return nil
}
