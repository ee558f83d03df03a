//go:build linux

// Package origin is what stands behind the proxies in benchmarks: servers that do as little as possible, since they share
// their cores with the load generator and a proxy is to be the only one that is short of time.
package origin

import (
	"bytes"
	"fmt"
	"strconv"
)

// answers are the whole responses by path: "/16384" is one of 16,384 bytes, "/chunked" one of 16 KiB in chunks of 4 KiB.
// Every other path, such as that of health checks, is answered as "/100".
type answers map[string][]byte

// Sizes of the bodies there are, in bytes.
func Sizes() []int { return []int{100, 1 << 10, 16 << 10, 256 << 10} }

const chunk = 4 << 10

func newAnswers() answers {
	all := answers{}
	for _, size := range Sizes() {
		all["/"+strconv.Itoa(size)] = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
			size, text(size))
	}
	chunked := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range 4 {
		chunked = fmt.Appendf(chunked, "%x\r\n%s\r\n", chunk, text(chunk))
	}
	all["/chunked"] = append(chunked, "0\r\n\r\n"...)
	return all
}

func text(size int) []byte { return bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size] }

// to finds the answer to a head of a request.
func (a answers) to(head []byte) []byte {
	_, rest, _ := bytes.Cut(head, []byte(" "))
	path, _, _ := bytes.Cut(rest, []byte(" "))
	if answer, found := a[string(path)]; found {
		return answer
	}
	return a["/100"]
}

// bodyLength is the Content-Length of a head; 0 where it has none.
func bodyLength(head []byte) int {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if name, value, found := bytes.Cut(line, []byte(":")); found && bytes.EqualFold(name, []byte("content-length")) {
			n, _ := strconv.Atoi(string(bytes.TrimSpace(value)))
			return n
		}
	}
	return 0
}
