package pick

type adaptive struct{}

func (adaptive) pick(p *pool, r *Request) int { return leastResponseTime{}.pick(p, r) }
