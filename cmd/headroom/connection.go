package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"headroom.dev/headroom/config"
)

// defaultAPI is where headroom listens unless its config says otherwise.
const defaultAPI = "http://127.0.0.1:7070"

// target is where the API of a running headroom is, and the token for it; an empty one where none is known.
type target struct {
	url   string
	token string
}

// target finds the running headroom: see the help of the root command for the order. The token of the config file goes
// only to the address of the config file, so that naming another host by --api does not hand it the token.
func (a *app) target() (target, error) {
	named := firstOf(a.flags.api, a.getenv("HEADROOM_API"))
	token, err := a.namedToken()
	if err != nil {
		return target{}, err
	}
	if named != "" && token != "" {
		return checkedTarget(named, token)
	}
	loaded, err := a.loadConfig()
	if err != nil && len(a.configPaths()) > 0 {
		return target{}, err
	}
	if err != nil { // a file that is only lying about may be wrong, or not there
		return checkedTarget(firstOf(named, defaultAPI), token)
	}
	listen := dialable(loaded.Config.API.Listen)
	found, err := checkedTarget(firstOf(named, listen), token)
	if err != nil || found.token != "" || found.url != "http://"+listen {
		return found, err
	}
	found.token, err = configToken(loaded)
	return found, err
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

// namedToken is the token of --token or the environment.
func (a *app) namedToken() (string, error) {
	if token := firstOf(a.flags.token, a.getenv("HEADROOM_TOKEN")); token != "" {
		return token, nil
	}
	file := a.getenv("HEADROOM_TOKEN_FILE")
	if file == "" {
		return "", nil
	}
	token, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("HEADROOM_TOKEN_FILE: %w", err)
	}
	return strings.TrimSpace(string(token)), nil
}

// configToken is the token that is written in the config, or else was made at the first start. There need not be one.
func configToken(loaded *config.Loaded) (string, error) {
	if loaded.Config.API.Token != "" {
		return loaded.Config.API.Token, nil
	}
	token, err := os.ReadFile(loaded.Config.API.TokenFile)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", nil // the API says so if it wants one
	}
	if err != nil {
		return "", fmt.Errorf("read the API token: %w", err)
	}
	return strings.TrimSpace(string(token)), nil
}

// dialable turns an address to listen on into one to connect to: "0.0.0.0:7070" and ":7070" are this machine.
func dialable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// checkedTarget takes "http://host:port" and "host:port".
func checkedTarget(address, token string) (target, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return target{}, usagef("such as --api http://127.0.0.1:7070", "%q is not the address of an API", address)
	}
	return target{url: strings.TrimSuffix(u.String(), "/"), token: token}, nil
}

// configPaths are the config files of --config, or else of HEADROOM_CONFIG, a list as PATH is; empty where a file is to
// be looked for.
func (a *app) configPaths() []string {
	if len(a.flags.configs) > 0 {
		return a.flags.configs
	}
	return filepath.SplitList(a.getenv("HEADROOM_CONFIG"))
}

// loader reads the config files that were named, or the one that is found.
func (a *app) loader() (config.Loader, error) {
	paths := a.configPaths()
	if len(paths) == 0 {
		path, err := config.Find()
		if err != nil {
			return config.Loader{}, err
		}
		paths = []string{path}
	}
	return config.Loader{Paths: paths, Env: a.environment, Check: checkConfig}, nil
}

// loadConfig reads the config files that were named, or the one that is found.
func (a *app) loadConfig() (*config.Loaded, error) {
	loader, err := a.loader()
	if err != nil {
		return nil, err
	}
	return loader.Load()
}
