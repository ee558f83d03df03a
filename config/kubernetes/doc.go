// Package kubernetes reads the autoscalers that people have already, as they stand: HorizontalPodAutoscalers (autoscaling/v2 and v1) and
// KEDA's ScaledObjects (keda.sh/v1alpha1), into what Headroom decides by.
//
// It is strict. What Headroom does not do in the same way, and what neither Kubernetes nor KEDA knows, is a [Problem] with its line, its path and what to
// write instead: nothing is left out silently. Only what does not bear on a decision is passed over: status, and the names, labels and annotations of
// metadata but for those that Kubernetes or KEDA act upon.
//
// The rules are those of Kubernetes 1.37 and KEDA 2.20; docs/compatibility.md says what is taken over and where it differs.
package kubernetes
