//go:build linux

package main

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// atOnce is how many requests a backend works at; the others wait.
const atOnce = 16

// origin answers after exponentially distributed times, or fails at once; its health checks succeed in either case.
func origin(address string, mean time.Duration, fails bool) error {
	slots := make(chan struct{}, atOnce)
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		if fails {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		slots <- struct{}{}
		time.Sleep(time.Duration(rand.ExpFloat64() * float64(mean)))
		<-slots
		_, _ = w.Write([]byte("ok\n"))
	})
	return http.ListenAndServe(address, mux)
}
