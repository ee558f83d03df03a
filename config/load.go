package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"headroom.dev/headroom"
)

// Loader says what a configuration is read from. The zero value of each optional field is the usual thing.
type Loader struct {
	Paths      []string // config files, the later winning; at least one
	Env        []string // the environment, as from os.Environ
	WorkingDir string   // where a second .env is looked for; default the process's working directory
	// Check, where it is set, finds what only the rooms that use a value can find, such as a query that does not parse.
	// Errors are *headroom.InvalidError where they are of a field.
	Check func(headroom.Config) []error
}

// Loaded is a configuration that is valid as a whole, and where each value of it came from.
type Loaded struct {
	Config   headroom.Config   // paths in it are absolute
	Origins  map[string]Origin // by path ("services.shop.scaling.policies[0].name"), of every value that is set
	Warnings []string          // what is odd but not wrong, such as a HEADROOM_ variable that sets nothing
	Dir      string            // directory of the first config file, absolute
	Files    []string          // every file that was read or looked for, absolute: a change of one means a reload
}

// Load reads, merges and validates. Its error is an [*Error] with everything that is wrong, or says that a file cannot
// be read. It is safe for concurrent use.
func (l Loader) Load() (*Loaded, error) {
	if len(l.Paths) == 0 {
		return nil, errors.New("no config file is given")
	}
	dir, err := filepath.Abs(filepath.Dir(l.Paths[0]))
	if err != nil {
		return nil, fmt.Errorf("find the directory of config file %s: %w", l.Paths[0], err)
	}
	loaded := &Loaded{Dir: dir}
	found := &problems{}
	env, err := l.environment(loaded, found)
	if err != nil {
		return nil, err
	}
	root, sources, err := l.readFiles(loaded, found)
	if err != nil {
		return nil, err
	}
	root, variables, warnings := overlay(root, env, found)
	loaded.Warnings = warnings
	sources = append(sources, variables...)

	b := &binder{found: found, origins: map[string]Origin{}, places: map[string]place{}, fields: map[string]field{},
		failed: map[string]bool{}, dir: dir, lookup: env.lookup, known: env.names}
	b.refuseScalingOfBackends(root)
	b.structure(reflect.ValueOf(&loaded.Config).Elem(), spreadDefaults(root), "", place{source: sources[0], line: 1, column: 1})
	loaded.Origins = b.origins
	loaded.Files = append(loaded.Files, b.secrets...)
	b.refuse(loaded.Config.Validate())
	if l.Check != nil {
		b.refuse(l.Check(loaded.Config))
	}
	if err := found.err(sources); err != nil {
		return nil, err
	}
	loaded.resolvePaths(b)
	return loaded, nil
}

// environment reads the variables: the given ones, and those of .env beside the config and in the working directory.
// The latter wins, as it is nearer to whoever starts headroom.
func (l Loader) environment(loaded *Loaded, found *problems) (environment, error) {
	env := newEnvironment(l.Env)
	working := l.WorkingDir
	if working == "" {
		var err error
		if working, err = os.Getwd(); err != nil {
			return env, fmt.Errorf("find the working directory, to look for .env: %w", err)
		}
	}
	files := []string{filepath.Join(loaded.Dir, ".env"), filepath.Join(working, ".env")}
	for _, file := range slices.Compact(files) {
		env.readDotEnv(file, found)
		loaded.Files = append(loaded.Files, file)
	}
	return env, nil
}

func (l Loader) readFiles(loaded *Loaded, found *problems) (root *node, sources []*source, err error) {
	root = &node{kind: mapNode}
	var unreadable []error
	for _, path := range l.Paths {
		full, err := filepath.Abs(path)
		if err != nil {
			return nil, nil, fmt.Errorf("find config file %s: %w", path, err)
		}
		loaded.Files = append(loaded.Files, full)
		content, err := readLimited(path)
		if err != nil {
			unreadable = append(unreadable, fmt.Errorf("read config file %s: %w", path, err))
			continue
		}
		src := newSource(fromFile, path, content)
		src.dir = filepath.Dir(full)
		sources = append(sources, src)
		before := len(found.list)
		documents := parse(src, content, found)
		if len(documents) == 0 && len(found.list) == before {
			found.add(place{source: src, line: 1, column: 1}, "", "is empty: it must have at least one field", "services: {shop: {run: './shop --port {{port}}'}}")
		}
		for _, document := range documents {
			if document.kind != mapNode {
				found.add(document.at, "", "must be fields such as \"services:\", is "+document.describe(document.text), "services: {shop: {run: './shop --port {{port}}'}}")
				continue
			}
			root = merge(root, normalize(document, configField(), "", found))
		}
	}
	return root, sources, errors.Join(unreadable...)
}

// readLimited reads a file of at most maxSize bytes; of a larger one it returns a bit more, for the message.
func readLimited(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return "", fmt.Errorf("%s is a directory: name a file in it, such as %s", path, filepath.Join(path, "headroom.yaml"))
	}
	content, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	return string(content), err
}

// refuseScalingOfBackends says that addresses that someone else runs cannot be scaled. It looks at the tree before
// the defaults are spread: those do no harm, as they simply do not apply.
func (b *binder) refuseScalingOfBackends(root *node) {
	services := root.find("services")
	if services == nil {
		return
	}
	for _, service := range services.entries {
		backends, run := service.value.find("backends"), service.value.find("run")
		if backends == nil || backends.kind == nullNode || (run != nil && run.kind != nullNode) {
			continue
		}
		for _, e := range service.value.entries {
			if e.key == "scaling" && e.value.kind != nullNode {
				path := "services." + service.key + ".scaling"
				b.found.add(e.at, path, `this service has "backends", which someone else runs, so it cannot be scaled: remove "scaling", or give it "run" instead of "backends"`, "")
			}
		}
	}
}

// refuse adds what is wrong with the bound configuration, each at the place where it was written.
func (b *binder) refuse(errs []error) {
	for _, err := range errs {
		invalid, ok := err.(*headroom.InvalidError)
		if !ok {
			b.found.add(place{}, "", err.Error(), "")
			continue
		}
		if b.alreadyFailed(invalid.Field) {
			continue
		}
		message, example := invalid.Expected, ""
		if invalid.Value != "" {
			message = invalid.Value + ": " + message
		}
		if !strings.Contains(message, "such as") {
			example = exampleOf(b.fields[invalid.Field])
		}
		b.found.add(b.placeNear(invalid.Field), invalid.Field, message, example)
	}
}

// alreadyFailed tells whether a path, the block around it or a field right in it has a problem already: then what
// the vocabulary says of it follows from that problem.
func (b *binder) alreadyFailed(path string) bool {
	for failed := range b.failed {
		if failed == path || within(path, failed) {
			return true
		}
		if within(failed, path) && !strings.ContainsAny(failed[len(path)+1:], ".[") {
			return true
		}
	}
	return false
}

// within tells whether a path lies in the block of another.
func within(path, block string) bool {
	rest, ok := strings.CutPrefix(path, block)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// placeNear is where a path was written, or else the nearest block around it that was.
func (b *binder) placeNear(path string) place {
	for path != "" {
		if at, ok := b.places[path]; ok {
			return at
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return place{}
}

// Find returns the config file to use where none is given: the first of ./headroom.yaml, ./headroom.yml,
// ./headroom.json and /etc/headroom/headroom.yaml that exists.
func Find() (string, error) {
	return findIn(".", "/etc/headroom")
}

func findIn(working, system string) (string, error) {
	candidates := []string{
		filepath.Join(working, "headroom.yaml"), filepath.Join(working, "headroom.yml"),
		filepath.Join(working, "headroom.json"), filepath.Join(system, "headroom.yaml"),
	}
	for _, path := range candidates {
		_, err := os.Stat(path)
		if err == nil {
			return path, nil
		}
		if !os.IsNotExist(err) {
			return "", fmt.Errorf("look for a config file: %w", err)
		}
	}
	quoted := make([]string, len(candidates))
	for i, path := range candidates {
		quoted[i] = strconv.Quote(path)
	}
	return "", fmt.Errorf("there is no config file: looked for %s; name one with -c FILE", strings.Join(quoted, ", "))
}
