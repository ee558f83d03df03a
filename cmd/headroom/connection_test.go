package main

import (
	"os"
	"path/filepath"
	"testing"
)

// tokenFile writes a token and returns its path.
func tokenFile(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheRunningHeadroomIsFoundByFlagThenEnvironmentThenConfig(t *testing.T) {
	t.Chdir(t.TempDir()) // where no config file is
	listening := configFile(t, `{"api": {"listen": "127.0.0.1:7171", "tokenFile": "`+tokenFile(t, "kept-kept-kept-kept-kept-kept")+`"}}`)
	everywhere := configFile(t, `{"api": {"listen": "0.0.0.0:7171", "token": "written-written-written-written"}}`)
	const kept, written = "kept-kept-kept-kept-kept-kept", "written-written-written-written"
	for _, c := range []struct {
		name        string
		flags       flags
		environment []string
		want        target
	}{
		{"nothing", flags{}, nil, target{"http://127.0.0.1:7070", ""}},
		{"flag", flags{api: "example.com:80"}, []string{"HEADROOM_API=http://127.0.0.1:1"}, target{"http://example.com:80", ""}},
		{"environment", flags{}, []string{"HEADROOM_API=https://example.com/", "HEADROOM_TOKEN=abc"}, target{"https://example.com", "abc"}},
		{"token flag before environment", flags{token: "t"}, []string{"HEADROOM_TOKEN=abc"}, target{"http://127.0.0.1:7070", "t"}},
		{"token file of the environment", flags{}, []string{"HEADROOM_TOKEN_FILE=" + tokenFile(t, "x")}, target{"http://127.0.0.1:7070", "x"}},
		{"config and its token file", flags{configs: []string{listening}}, nil, target{"http://127.0.0.1:7171", kept}},
		{"config of the environment", flags{}, []string{"HEADROOM_CONFIG=" + listening}, target{"http://127.0.0.1:7171", kept}},
		{"config that listens everywhere", flags{configs: []string{everywhere}}, nil, target{"http://127.0.0.1:7171", written}},
		{"own token before the config's", flags{configs: []string{everywhere}, token: "t"}, nil, target{"http://127.0.0.1:7171", "t"}},
		{"same address as the config's", flags{configs: []string{everywhere}, api: "127.0.0.1:7171"}, nil, target{"http://127.0.0.1:7171", written}},
		{"the config's token is not for others", flags{configs: []string{everywhere}, api: "example.com:7171"}, nil, target{"http://example.com:7171", ""}},
	} {
		a := newApp(nil, nil, nil, c.environment)
		a.flags = c.flags
		if got, err := a.target(); err != nil || got != c.want {
			t.Errorf("%s: target is %+v, %v; want %+v", c.name, got, err, c.want)
		}
	}
}

func TestAnAddressThatIsNoneIsAUsageError(t *testing.T) {
	if r := (cli{}).run(t, "status", "--api", "ftp://127.0.0.1"); r.code != 2 {
		t.Errorf("exit code %d, errors %q", r.code, r.errOut)
	}
}

func TestAConfigFileThatWasNamedMustBeValid(t *testing.T) {
	if r := (cli{}).run(t, "status", "-c", configFile(t, "nonsense: 1")); r.code != 1 {
		t.Errorf("exit code %d, errors %q", r.code, r.errOut)
	}
}
