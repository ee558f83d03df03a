// Package kpa decides as the autoscaler of Knative Serving does (KPA, knative.dev/serving/pkg/autoscaler, v0.50.0), to the number:
// test/differential/knative runs both side by side. Where it decides otherwise on purpose, docs/compatibility.md says so.
//
// It is pure: it reads no clock and keeps nothing. Time comes in as an argument, and all memory is a State, which is plain data, survives
// JSON, and is bounded by the windows of the Policy (at most an hour each). Functions change the State that they are given, so a step
// allocates nothing once the windows exist; Clone keeps an earlier one.
//
// A step of a second goes through three rooms, in the files of their names:
//
//  1. window: the load of the second goes into two rings of seconds, and each is averaged: the stable window (60 s) and
//     the panic window (6 s).
//  2. decide: ceil(average / target) for both, within the greatest rates of change. When the panic window asks for twice the ready pods
//     or more, panic begins: the larger of both counts, nothing shrinks, until a stable window has passed without that.
//     A scale-down delay then holds the largest count of its length.
//  3. reconcile: bounds, initial scale, and when the last pod may go.
//
// Step does the first two, as a policy; Reconcile is for who needs the whole of Knative.
package kpa
