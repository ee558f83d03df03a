//go:build !linux

package main

import "time"

// threadCPU stands in with the wall clock where the CPU time of a thread is not at hand: alike on an idle machine.
func threadCPU() time.Duration { return time.Duration(time.Now().UnixNano()) }
