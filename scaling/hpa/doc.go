// Package hpa decides as the Kubernetes HorizontalPodAutoscaler (autoscaling/v2) does, as pure functions: no clock, no
// client, no Kubernetes types. It is used as a kind of policy, for the behavior setting, and as what a backtest compares
// with.
//
// The source is k8s.io/kubernetes v1.37, pkg/controller/podautoscaler: replica_calculator.go and horizontal.go; where
// names are quoted (groupPods, ScaleUpLimit), they are its names. test/differential/hpa compares this package with it, and
// docs/compatibility.md lists where they differ on purpose.
//
// A reconciliation is made of parts that can be called alone:
//
//  1. Each metric makes a Proposal: Metric.FromPods from single pods, Metric.FromTotals from sums over alike replicas,
//     Metric.FromValue for what is not measured per pod.
//  2. Combine takes the largest. A metric that failed may not let the number fall.
//  3. Behavior.Normalize holds the number by the stabilization windows, then by the rate policies, then by the bounds.
//  4. State.Rescaled remembers a change for the rate policies of later steps.
//
// Step is all of that as the controller does it, with its special cases around zero.
//
// Amounts are in HPA's milli-units, as integers: 1500 is 1.5 processors, 1.5 requests per second; memory is bytes × 1000.
// Integers matter: HPA truncates a utilization of 33.3 % to 33 % before it compares, and so does this package.
//
// Nothing here changes its arguments; all functions are safe for concurrent use.
package hpa
