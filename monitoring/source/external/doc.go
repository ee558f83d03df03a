// Package external asks external scalers of KEDA's: servers of externalscaler.proto (gRPC package externalscaler, as of KEDA 2.20), so that every one that
// exists can be a signal. The few messages are written by hand, by their field numbers: generated code and the runtime that it needs would be many
// times as much.
package external
