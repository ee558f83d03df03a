package edit

import (
	"testing"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/h1"
)

func TestFieldsToRemoveAndToSetAreLeftOutInAnyCase(t *testing.T) {
	fields := NewFields(headroom.HeaderEdits{
		Remove: []string{"Server", "x-powered-by"},
		Set:    map[string]string{"X-Forwarded-Proto": "https"},
		Add:    map[string]string{"Vary": "Accept"},
	})
	for name, want := range map[string]bool{
		"Server": true, "server": true, "SERVER": true, "X-Powered-By": true, "x-forwarded-proto": true,
		"Vary": false, "Serve": false, "Servers": false, "": false, "Zerver": false, "x-powered.by": false,
	} {
		if got := fields.Removes([]byte(name)); got != want {
			t.Errorf("Removes(%q) is %t", name, got)
		}
	}
	if got, want := string(fields.Append([]byte("Date: x\r\n"))), "Date: x\r\nX-Forwarded-Proto: https\r\nVary: Accept\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if fields.Known() != h1.SetOf(h1.XForwardedProto) {
		t.Errorf("known are %b", fields.Known())
	}
}

func TestARouteEditsWhatItsServiceMade(t *testing.T) {
	service := headroom.HeaderEdits{Set: map[string]string{"X-A": "service", "X-B": "service"}, Add: map[string]string{"X-C": "service", "Link": "<a>"}}
	route := headroom.HeaderEdits{Remove: []string{"X-C"}, Set: map[string]string{"x-b": "route"}, Add: map[string]string{"Link": "<b>"}}
	fields := NewFields(service, route)
	if got, want := string(fields.Append(nil)), "X-A: service\r\nLink: <a>\r\nx-b: route\r\nLink: <b>\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for name, want := range map[string]bool{"X-A": true, "X-B": true, "X-C": true, "Link": false} {
		if got := fields.Removes([]byte(name)); got != want {
			t.Errorf("Removes(%q) is %t", name, got)
		}
	}
}

func TestTheHostToSetIsNoFurtherLine(t *testing.T) {
	fields := NewFields(headroom.HeaderEdits{Set: map[string]string{"Host": "a.internal", "X-A": "1"}}, headroom.HeaderEdits{Set: map[string]string{"host": "b.internal"}})
	if fields.Host() != "b.internal" || string(fields.Append(nil)) != "X-A: 1\r\n" {
		t.Errorf("host is %q, lines are %q", fields.Host(), fields.Append(nil))
	}
}

func TestNoEditsAreEmpty(t *testing.T) {
	if f := NewFields(headroom.HeaderEdits{}, headroom.HeaderEdits{}); !f.Empty() || f.Host() != "" || len(f.Append(nil)) != 0 || f.Removes([]byte("Server")) {
		t.Errorf("not empty: %+v", f)
	}
	if NewFields(headroom.HeaderEdits{Add: map[string]string{"A": ""}}).Empty() || NewFields(headroom.HeaderEdits{Remove: []string{"A"}}).Empty() {
		t.Error("empty although something is changed")
	}
}

// The heads are those that go on the wire: what Connection names and what frames the message is gone whatever the edits say.
func TestHeadsAreCopiedWithoutRemovedFields(t *testing.T) {
	const head = "GET /api/x?q HTTP/1.1\r\nHost: shop\r\nCookie: secret\r\nX-Debug: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\nAccept: a\r\nACCEPT: b\r\n\r\n"
	var request h1.Request
	request.Reset()
	if _, err := request.Parse([]byte(head), h1.Limits{}); err != nil {
		t.Fatal(err)
	}
	fields := NewFields(headroom.HeaderEdits{Remove: []string{"cookie"}, Set: map[string]string{"X-Debug": "0"}})
	for _, c := range []struct{ target, want string }{
		{"", "GET /api/x?q HTTP/1.1\r\nHost: shop\r\nAccept: a\r\nACCEPT: b\r\nX-Debug: 0\r\n"},
		{"/v2/x?q", "GET /v2/x?q HTTP/1.1\r\nHost: shop\r\nAccept: a\r\nACCEPT: b\r\nX-Debug: 0\r\n"},
	} {
		got := fields.Append(request.AppendEdited(nil, []byte(c.target), []byte("shop"), 0, fields))
		if string(got) != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestResponsesAreCopiedWithoutRemovedFields(t *testing.T) {
	const head = "HTTP/1.1 200 Fine\r\nServer: x\r\nTrailer: T\r\nETag: \"1\"\r\nContent-Length: 2\r\n\r\n"
	var response h1.Response
	response.Reset(false)
	if _, err := response.Parse([]byte(head), h1.Limits{}); err != nil {
		t.Fatal(err)
	}
	server := NewFields(headroom.HeaderEdits{Remove: []string{"Server"}})
	etag := NewFields(headroom.HeaderEdits{Remove: []string{"ETag"}})
	if got, want := string(response.AppendEdited(nil, 0, server, etag)), "HTTP/1.1 200 Fine\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := string(response.AppendEdited(nil, 0)), string(response.AppendHead(nil, 0)); got != want {
		t.Errorf("without edits got %q, want %q", got, want)
	}
}

func BenchmarkHeadWithEdits(b *testing.B) {
	const head = "GET /api/x?q HTTP/1.1\r\nHost: shop\r\nUser-Agent: Mozilla/5.0\r\nAccept: text/html\r\nAccept-Encoding: gzip, br\r\nAccept-Language: en\r\n" +
		"Cookie: session=1\r\nX-Debug: 1\r\nCache-Control: no-cache\r\nReferer: http://shop/\r\n\r\n"
	var request h1.Request
	request.Reset()
	if _, err := request.Parse([]byte(head), h1.Limits{}); err != nil {
		b.Fatal(err)
	}
	fields := NewFields(headroom.HeaderEdits{Remove: []string{"Cookie"}, Set: map[string]string{"X-Debug": "0"}})
	host, dst := []byte("shop"), make([]byte, 0, 1024)
	b.Run("edited", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = fields.Append(request.AppendEdited(dst[:0], nil, host, 0, fields))
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = request.AppendHead(dst[:0], host, 0)
		}
	})
}
