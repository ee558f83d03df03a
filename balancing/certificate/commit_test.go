package certificate

import (
	"path/filepath"
	"testing"

	"headroom.dev/headroom"
)

func TestTableThatIsRolledBackChangesNothing(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	k, _ := newTestKeeper(t)
	shop := service("shop", nil, a.files(filepath.Join(dir, "shop"), "shop.test"))
	config := apply(t, k, shop)
	inForce := k.current

	strict := service("shop", nil, a.files(filepath.Join(dir, "strict"), "strict.test"))
	strict.LoadBalancing.TLS.Clients = headroom.ClientCertificates{Mode: "required", CA: a.file(filepath.Join(dir, "ca.pem"))}
	strict.LoadBalancing.TLS.ACME = headroom.ACME{Enabled: true, Directory: "https://ca.test/directory"}
	strict.LoadBalancing.Hosts = []string{"other.test"}
	if _, err := k.Listener(address, []headroom.ServiceRoute{strict}); err != nil {
		t.Fatal(err)
	}
	k.Rollback()
	if k.current != inForce || len(k.Status()) != 1 || k.Status()[0].Names[0] != "shop.test" {
		t.Errorf("status: %+v", k.Status())
	}
	if _, allowed := k.Client("shop", &ofNobody); !allowed {
		t.Error("the rule for clients is that of a table that was rolled back")
	}
	if got := served(t, config, ""); got != "shop.test" {
		t.Errorf("got %q", got)
	}
	k.Commit() // of nothing: what was prepared must not come back
	if len(k.Status()) != 0 {
		t.Errorf("status: %+v", k.Status())
	}
	if _, allowed := k.Client("shop", &ofNobody); allowed {
		t.Error("a service that is gone has no rule any more, which must not open it")
	}
}

func TestFilesThatNoTableNamesAreForgotten(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	k, _ := newTestKeeper(t)
	files := a.files(filepath.Join(dir, "shop"), "shop.test")
	shop := service("shop", nil, files)
	blog := service("blog", nil, a.files(filepath.Join(dir, "blog"), "blog.test"))
	apply(t, k, shop)
	first := k.current.pairs[files]
	apply(t, k, shop, blog)
	if len(k.Status()) != 2 {
		t.Errorf("status: %+v", k.Status())
	}
	if again := k.current.pairs[files]; again != first {
		t.Error("the files of both tables were read anew")
	}
	apply(t, k, blog)
	status := k.Status()
	if len(status) != 1 || status[0].Names[0] != "blog.test" || status[0].Issuer != "ca" || status[0].Source != SourceFile {
		t.Errorf("status: %+v", status)
	}
	k.Close()
	k.Close() // again does nothing
}
