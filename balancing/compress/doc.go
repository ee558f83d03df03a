// Package compress decides which responses are compressed, with what, and compresses them piece by piece.
package compress
