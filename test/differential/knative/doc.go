// Package knative holds scaling/kpa against the autoscaler that it follows: the same steps go into both, and every number that comes out
// must be the same. It is a module of its own, so that nothing that Knative needs is in ours. docs/compatibility.md lists where the two
// differ on purpose; explained_test.go shows each of those differences.
package knative
