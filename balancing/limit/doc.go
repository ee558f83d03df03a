// Package limit counts requests against rate limits: a [Table] for limits of this balancer alone, and [Shared] for those that several balancers
// count together. It is pure: the time is passed in, as nanoseconds of a clock that is never set (monotonic), so that steps of the system's
// clock change nothing. Package redis brings the shared ones together.
package limit
