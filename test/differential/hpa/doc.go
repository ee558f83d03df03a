// Package hpa holds scaling/hpa against the controller that it follows: the same worlds go into both, and what comes out must be the same.
// It is a module of its own, so that nothing that Kubernetes needs is in ours. docs/compatibility.md lists where the two differ on
// purpose; explained_test.go shows each of those differences.
//
// Kubernetes reads the clock itself. Everything runs in bubbles of testing/synctest, in which time stands still until a test moves it.
package hpa
