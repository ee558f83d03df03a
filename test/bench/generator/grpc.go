//go:build linux

package generator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"headroom.dev/headroom/test/bench/origin"
)

// CheckGRPC makes one unary call by HTTP/2 without TLS and looks at all of the answer: h2load looks at the status alone.
func CheckGRPC(ctx context.Context, address, method string) error {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+method, bytes.NewReader(origin.Message()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	message, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	status := response.Trailer.Get("Grpc-Status")
	if response.StatusCode != http.StatusOK || status != "0" || !bytes.Equal(message, origin.Message()) {
		return fmt.Errorf("a gRPC call was answered %s, grpc-status %q, % x", response.Status, status, message)
	}
	return nil
}
