// Package balance tries the algorithms of balancing/pick in virtual time: what runs here is what runs in the balancer, before modeled
// backends that are slow, fail, stall, or are just unequal. Everything is drawn from a seed, so a run can be repeated to the bit.
package balance
