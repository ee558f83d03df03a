package balance

import (
	"container/heap"
	"time"
)

// kind is what happens.
type kind uint8

const (
	arrival kind = iota
	done
	joining
)

type event struct {
	at      time.Duration
	kind    kind
	request request
}

// queue has the next event first.
type queue struct{ list events }

func (q *queue) push(e event) { heap.Push(&q.list, e) }
func (q *queue) pop() event   { return heap.Pop(&q.list).(event) }

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}
