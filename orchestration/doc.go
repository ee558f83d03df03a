// Package orchestration decides what to do so that a service has the replicas that are wished. Plan is the only owner of
// replica counts: whoever wants another number changes the wish.
//
// Everything here is pure: no I/O, no clock, no randomness that is not passed in. A control loop calls, in this order
// and on one reading of the platform:
//
//  1. Confirm: may this reading be believed? If not, it passes no inventory to the rest.
//  2. Resolve, for each open operation: has it happened?
//  3. Plan: which operations next?
//
// The loop stores each operation as planned before anything is done, then acts, then stores it as sent. Operations name
// their replicas and open ones count as done, so a crash between any two of these steps repeats nothing.
package orchestration
