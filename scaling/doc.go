// Package scaling decides how many replicas a service should have.
//
// Decide is a pure function: it reads no clock, does no I/O and keeps nothing. All that it looks at is in its arguments
// and is copied into the Decision, so a decision can be explained (Explain) and made again (Replay) from its record.
//
// How a number comes about:
//
//  1. Each target and each threshold policy makes a proposal, or abstains. A target on something that adds up over
//     replicas (processor, memory, requests per second, requests in flight) divides the total by the target, as the
//     AverageValue targets of the Kubernetes HPA do; see demand. Latency does not add up; see latency. Policies
//     take steps; see threshold.
//  2. The largest proposal wins, as in HPA.
//  3. Limits are applied in a fixed order; see limits.
//
// Unknown, stale or impossible input (NaN, infinite, negative) may keep or raise the number, never lower it.
package scaling
