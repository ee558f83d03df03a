package compress

import (
	"testing"

	"headroom.dev/headroom"
)

func TestAcceptEncodingIsHonoredWithItsWeights(t *testing.T) {
	all := New(headroom.Compression{Enabled: true})
	for header, want := range map[string]Coding{
		// What browsers and tools send.
		"gzip, deflate, br, zstd": Zstd, "gzip, deflate, br": Brotli, "gzip, deflate": Gzip, "gzip": Gzip, "br": Brotli, "zstd": Zstd,
		"": Identity, "identity": Identity, "deflate": Identity, "compress": Identity, "GZIP": Gzip, "x-gzip": Gzip,
		// RFC 9110 section 12.5.3: its examples.
		"compress, gzip": Gzip, "*": Zstd, "compress;q=0.5, gzip;q=1.0": Gzip, "gzip;q=1.0, identity; q=0.5, *;q=0": Gzip,
		// Weights.
		"gzip;q=1.0, br;q=0.8": Gzip, "gzip;q=0.8, br;q=0.801": Brotli, "gzip;q=0, br;q=0": Identity, "gzip;q=0.001": Gzip, "zstd;q=0.000, gzip": Gzip,
		"br;q=0, *": Zstd, "zstd;q=0, *;q=0.1": Brotli, "*;q=0": Identity, "identity, gzip;q=0.5": Identity, "identity;q=0.5, gzip;q=0.5": Gzip,
		"identity;q=0": Identity, "identity;q=0, gzip;q=0.1": Gzip, "gzip ; q=0.5 , br ;q=0.4": Gzip, "gzip;Q=0.2": Gzip,
		// What cannot be read counts for nothing.
		"gzip;q=": Identity, "gzip;q=2": Identity, "gzip;q=1.001": Identity, "gzip;q=0.5000": Identity, "gzip;q=-1": Identity, "gzip;q=a": Identity,
		"gzip;level=9": Identity, ",,gzip,,": Gzip, ";q=1, gzip": Gzip, "gzip;q=1.": Gzip, "gzip;q=0x1": Identity, "gzipp": Identity, "gzip br": Identity,
	} {
		if got, varies := all.Choose([]byte(header), page()); got != want || !varies {
			t.Errorf("%q gets %s, want %s; varies is %t", header, got, want, varies)
		}
	}
}

func TestThePreferredCodingComesFirst(t *testing.T) {
	for _, c := range []struct {
		algorithms []string
		want       Coding
	}{{[]string{"gzip", "zstd"}, Gzip}, {[]string{"br"}, Brotli}, {[]string{"br", "gzip", "zstd"}, Brotli}, {nil, Zstd}} {
		p := New(headroom.Compression{Enabled: true, Algorithms: c.algorithms})
		if got, _ := p.Choose([]byte("zstd, br, gzip"), page()); got != c.want {
			t.Errorf("%v: got %s, want %s", c.algorithms, got, c.want)
		}
	}
	if got, varies := New(headroom.Compression{}).Choose([]byte("gzip"), page()); got != Identity || varies {
		t.Errorf("not enabled: got %s, varies is %t", got, varies)
	}
}

// page is a response that is compressed.
func page() Response {
	return Response{Status: 200, Length: 5000, ContentType: []byte("text/html; charset=utf-8")}
}

func TestOnlyWholePlainResponsesAreCompressed(t *testing.T) {
	p := New(headroom.Compression{Enabled: true, MinSize: 1024})
	for name, c := range map[string]struct {
		edit   func(*Response)
		want   Coding
		varies bool
	}{
		"a page":                  {func(r *Response) {}, Gzip, true},
		"of unknown length":       {func(r *Response) { r.Length = -1 }, Gzip, true},
		"of the least size":       {func(r *Response) { r.Length = 1024 }, Gzip, true},
		"smaller":                 {func(r *Response) { r.Length = 1023 }, Identity, false},
		"to HEAD":                 {func(r *Response) { r.ToHead = true }, Identity, true},
		"a part":                  {func(r *Response) { r.Status, r.Range = 206, true }, Identity, false},
		"with Content-Range":      {func(r *Response) { r.Range = true }, Identity, false},
		"not modified":            {func(r *Response) { r.Status = 304 }, Identity, false},
		"not found":               {func(r *Response) { r.Status = 404 }, Identity, false},
		"encoded":                 {func(r *Response) { r.Encoded = true }, Identity, false},
		"no-transform":            {func(r *Response) { r.CacheControl = []byte("public, No-Transform") }, Identity, false},
		"no-transform of another": {func(r *Response) { r.CacheControl = []byte("public, x-no-transform") }, Gzip, true},
		"without a type":          {func(r *Response) { r.ContentType = nil }, Identity, false},
		"a picture":               {func(r *Response) { r.ContentType = []byte("image/png") }, Identity, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := page()
			c.edit(&r)
			if got, varies := p.Choose([]byte("gzip"), r); got != c.want || varies != c.varies {
				t.Errorf("got %s, varies is %t", got, varies)
			}
		})
	}
	if got, _ := New(headroom.Compression{Enabled: true}).Choose([]byte("gzip"), Response{Status: 200, ContentType: []byte("text/html")}); got != Identity {
		t.Error("nothing is compressed to something")
	}
}

func TestMediaTypes(t *testing.T) {
	standard := newMediaTypes(nil)
	for name, want := range map[string]bool{
		"text/html": true, "TEXT/Plain;charset=x": true, "application/json": true, "application/problem+json": true, "image/svg+xml": true, "application/wasm": true,
		"application/atom+xml ; a=b": true, "text/javascript": true, "application/javascript": true, "font/woff2": false, "image/png": false, "video/mp4": false,
		"application/zip": false, "application/octet-stream": false, "": false, "text": false, "textual/x": false,
		"text/event-stream": false, "application/grpc": false, "application/grpc+json": false, "application/grpc-web+json": false,
	} {
		if got := standard.fit([]byte(name)); got != want {
			t.Errorf("by default %q is %t", name, got)
		}
	}
	chosen := newMediaTypes([]string{"application/JSON", "font/*", "text/event-stream", "application/*"})
	for name, want := range map[string]bool{
		"application/json": true, "font/ttf": true, "text/event-stream": true, "text/html": false, "application/x": true, "application/grpc": false, "image/svg+xml": false,
	} {
		if got := chosen.fit([]byte(name)); got != want {
			t.Errorf("as chosen %q is %t", name, got)
		}
	}
}

func TestAnEventStreamIsNotCompressedAsText(t *testing.T) {
	if newMediaTypes([]string{"text/*"}).fit([]byte("text/event-stream")) {
		t.Error("text/* holds an encoder for every open stream of events")
	}
}

func TestHeadsSayWhatWasDone(t *testing.T) {
	for _, c := range []struct {
		coding           Coding
		vary, etag, want string
	}{
		{Identity, "", `"1"`, "Vary: Accept-Encoding\r\n"},
		{Identity, "Origin, accept-encoding", "", "Vary: Origin, accept-encoding\r\n"},
		{Gzip, "", `"1"`, "Vary: Accept-Encoding\r\nContent-Encoding: gzip\r\nETag: W/\"1\"\r\n"},
		{Brotli, "Cookie", `W/"1"`, "Vary: Cookie, Accept-Encoding\r\nContent-Encoding: br\r\nETag: W/\"1\"\r\n"},
		{Zstd, "*", "", "Vary: *\r\nContent-Encoding: zstd\r\n"},
	} {
		if got := string(AppendFields(nil, c.coding, []byte(c.vary), []byte(c.etag))); got != c.want {
			t.Errorf("%s, %q, %q: got %q, want %q", c.coding, c.vary, c.etag, got, c.want)
		}
	}
	for name, want := range map[string]bool{
		"ETag": true, "Vary": true, "Digest": true, "Content-MD5": true, "REPR-DIGEST": true, "Accept-Ranges": true, "Content-Digest": true,
		"Date": false, "Content-Type": false, "Server": false, "Last-Modified": false, "Set-Cookie": false, "": false, "Cookie": false,
	} {
		if got := (Changed{}).Removes([]byte(name)); got != want {
			t.Errorf("%s is lost: %t", name, got)
		}
		if got := (Varying{}).Removes([]byte(name)); got != (name == "Vary") {
			t.Errorf("%s of a plain response is lost: %t", name, got)
		}
	}
}

func BenchmarkChoose(b *testing.B) {
	p := New(headroom.Compression{Enabled: true, MinSize: 1024})
	accept, response := []byte("gzip, deflate, br, zstd"), page()
	b.ReportAllocs()
	for b.Loop() {
		p.Choose(accept, response)
	}
}

func FuzzChoose(f *testing.F) {
	f.Add("gzip;q=0.5, *;q=0", "text/html", "no-transform")
	f.Add(";;,q=1,gzip;q=1.", "/;", ",")
	p := New(headroom.Compression{Enabled: true})
	f.Fuzz(func(t *testing.T, accept, contentType, cacheControl string) {
		r := Response{Status: 200, Length: -1, ContentType: []byte(contentType), CacheControl: []byte(cacheControl)}
		if coding, varies := p.Choose([]byte(accept), r); coding != Identity && !varies {
			t.Errorf("%q gets %s, and caches are not told", accept, coding)
		}
	})
}
