// Package scaling decides how many replicas a service should have.
//
// Decide is a pure function: it reads no clock, does no I/O and keeps nothing. All that it looks at is in its arguments
// and is copied into the Decision, so a decision can be explained (Explain) and made again (Replay) from its record.
//
// How a number comes about:
//
//  1. Each target and each policy makes a proposal, or abstains. A target on something that adds up over replicas
//     (processor, memory, requests per second, requests in flight) divides the total by the target, as the
//     AverageValue targets of the Kubernetes HPA do; see demand. Latency does not add up; see proportional. Thresholds
//     and steps go by so many at a time; concurrency and kubernetes policies decide as Knative and HPA do, in kpa and hpa.
//  2. The proposals are combined, by default to the largest, as in HPA; see combine.
//  3. Spare replicas are added, and limits are applied in a fixed order; see the rules in limit.go.
//
// Unknown, stale or impossible input (NaN, infinite, negative) may keep or raise the number, never lower it.
package scaling
