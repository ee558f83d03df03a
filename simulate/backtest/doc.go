// Package backtest tries a scaling policy on recorded load, in virtual time, before it touches real replicas.
//
// One second follows another: the load of the second meets the ready replicas of a modeled service (Model), what a balancer and a platform would
// have measured becomes an observation, and the autoscaler under test says how many replicas it wants. The user's own policy decides
// by the very scaling.Compiled that runs live; orchestration.Plan carries out what any autoscaler wants, with its back-off where starts fail.
// Beside it run the ways in which others scale (see Names), on the same requests, the same service and the same platform.
//
// Nothing here reads a clock or sleeps, and all randomness comes from a seed, so the same input gives the same result.
//
// What the model leaves out: replicas are all alike; memory, bytes and signals of the user's own are not known
// (a target on them abstains, and nothing shrinks because of it); requests do not fail by themselves; a booting replica uses no processor.
package backtest
