package headroom

import (
	"errors"
	"testing"
)

func TestAddressesThatAreNamesAreJudgedAsNames(t *testing.T) {
	for address, field := range map[string]string{
		"dns://shop.internal:9001": "", "dns://shop.internal.:80": "", "srv://_http._tcp.shop.internal": "", "srv://_http._tcp.shop.internal.": "",
		"dns://shop.internal": "address", "dns://10.0.0.1:80": "address", "dns://:80": "address", "srv://": "address", "srv://shop:80": "address",
		"srv://a b": "address", "dns://shop.internal:0": "address", "http://shop.internal:80": "address", "dns://a/b:80": "address",
	} {
		errs := StaticBackend{Address: address, Weight: 1, DNS: DNS{Refresh: 1e9}}.Validate("")
		invalid := &InvalidError{}
		if field == "" && len(errs) > 0 || field != "" && (len(errs) != 1 || !errors.As(errs[0], &invalid) || invalid.Field != field) {
			t.Errorf("%s: %v", address, errs)
		}
	}
	if errs := (StaticBackend{Address: "dns://a:1", DNS: DNS{Resolver: "nowhere"}}).Validate("b"); len(errs) != 2 {
		t.Errorf("without a time and with a resolver without port: %v", errs)
	}
}
