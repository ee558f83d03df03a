package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Requests of a client beyond what an HTTP/2 backend takes at once go over further connections; none fails.
func TestBackendsBoundOfStreamsIsKept(t *testing.T) {
	for _, most := range []int{1, 100} {
		for _, back := range []wire{{true, false}, {true, true}} {
			t.Run(fmt.Sprintf("%d streams, %v", most, back), func(t *testing.T) {
				entered, release := make(chan struct{}, 300), make(chan struct{})
				address := originOver(t, back, func(w http.ResponseWriter, r *http.Request) {
					entered <- struct{}{}
					<-release
					echo(w, r)
				}, func(s *http.Server) { s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: most} })
				w := before(t, wire{}, back, []string{address})
				var wg sync.WaitGroup
				const clients = 150
				for range clients {
					wg.Go(func() {
						res, err := w.client.Do(w.ask("POST", "/", strings.Repeat("x", 20_000)))
						if err != nil {
							t.Error(err)
							return
						}
						defer res.Body.Close()
						if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || len(body) != 20_000 {
							t.Errorf("got %d, %d bytes, %v", res.StatusCode, len(body), err)
						}
					})
				}
				ended := make(chan struct{})
				go func() { wg.Wait(); close(ended) }()
				for range clients {
					select {
					case <-entered:
					case <-ended:
						t.Fatal("requests ended before all were at the backend")
					}
				}
				close(release)
				<-ended
			})
		}
	}
}
