package certificate

import (
	"bytes"
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOpenSSLSeesWhatItAsksFor(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("there is no openssl")
	}
	a, ours, dir := newAuthority(t, "ca"), newAuthority(t, "ours"), t.TempDir()
	ca := a.file(filepath.Join(dir, "ca.pem"))
	alice := ours.files(filepath.Join(dir, "alice"), "alice")
	shop := service("shop", []string{"shop.test"}, a.files(filepath.Join(dir, "shop"), "shop.test"))
	bank := guarded("bank", "required", ours.file(filepath.Join(dir, "ours.pem")), []string{"bank.test"},
		a.files(filepath.Join(dir, "bank"), "*.test"))
	k, _ := newTestKeeper(t)
	f := listen(t, "127.0.0.1:0")
	f.apply(t, k, shop, bank)
	_, port, _ := net.SplitHostPort(f.Addr().String())
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"-servername", "shop.test", "-alpn", "h2,http/1.1"},
			[]string{"subject=CN = shop.test", "Verify return code: 0 (ok)", "ALPN protocol: h2", "New, TLSv1.3"}},
		{[]string{"-servername", "shop.test", "-tls1_2"}, []string{"subject=CN = shop.test", "New, TLSv1.2"}},
		{[]string{"-servername", "bank.test", "-cert", alice.certificate, "-key", alice.key},
			[]string{"subject=CN = *.test", "Acceptable client certificate CA names", "CN = ours"}},
		{[]string{"-servername", "bank.test", "-tls1_2"}, []string{"alert"}}, // none shown
		{[]string{"-noservername"}, []string{"subject=CN = shop.test"}},
		{[]string{"-servername", "shop.test", "-tls1_1"}, []string{"alert"}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var output bytes.Buffer
		command := exec.CommandContext(ctx, openssl, append([]string{"s_client", "-connect", "127.0.0.1:" + port, "-CAfile", ca}, test.args...)...)
		command.Stdout, command.Stderr = &output, &output
		_ = command.Run() // its status is that of the connection, which the server closes
		for _, want := range test.want {
			if !strings.Contains(output.String(), want) {
				t.Errorf("%v: no %q in:\n%s", test.args, want, &output)
			}
		}
	}
}
