package config

import (
	"fmt"
	"path/filepath"

	"headroom.dev/headroom"
)

// resolvePaths makes paths absolute: against the file in which they stand, or the first config file.
func (l *Loaded) resolvePaths(b *binder) {
	paths := pathResolver{loaded: l, places: b.places}
	paths.resolve("state.dir", &l.Config.State.Dir)
	if l.Config.API.TokenFile == "" {
		l.Config.API.TokenFile = filepath.Join(l.Config.State.Dir, "api-token")
	}
	paths.resolve("api.tokenFile", &l.Config.API.TokenFile)
	if l.Config.AccessLog.Path != "stdout" {
		paths.resolveGiven("accessLog.path", &l.Config.AccessLog.Path)
	}
	paths.balancing("loadBalancing", &l.Config.LoadBalancing)
	for name, service := range l.Config.Services {
		if service.Run != nil {
			paths.resolve("services."+name+".run.workingDirectory", &service.Run.WorkingDirectory)
		}
		paths.balancing("services."+name+".loadBalancing", &service.LoadBalancing)
		for signal, from := range service.Scaling.Signals {
			if from.External != nil { // no other service has it: bind made it
				paths.resolveGiven(fmt.Sprintf("services.%s.scaling.signals.%s.external.caFile", name, signal), &from.External.CAFile)
			}
		}
		l.Config.Services[name] = service
	}
}

// pathResolver knows where each value was written.
type pathResolver struct {
	loaded *Loaded
	places map[string]place
}

// resolve makes a value absolute; an empty one is the directory itself.
func (r pathResolver) resolve(path string, value *string) {
	dir := r.loaded.Dir
	if at, ok := r.places[path]; ok && at.source != nil && at.source.dir != "" {
		dir = at.source.dir
	}
	*value = absolute(*value, dir)
	origin, ok := r.loaded.Origins[path]
	if !ok {
		origin.Source = place{}.String()
	}
	origin.Value = *value
	r.loaded.Origins[path] = origin
}

// resolveGiven leaves alone what was not given.
func (r pathResolver) resolveGiven(path string, value *string) {
	if *value != "" {
		r.resolve(path, value)
	}
}

// balancing resolves the files of one block: certificates, keys, authorities and error pages.
func (r pathResolver) balancing(path string, l *headroom.LoadBalancing) {
	for i := range l.TLS.Certificates {
		at := fmt.Sprintf("%s.tls.certificates[%d]", path, i)
		r.resolveGiven(at+".certificate", &l.TLS.Certificates[i].Certificate)
		r.resolveGiven(at+".key", &l.TLS.Certificates[i].Key)
	}
	r.resolveGiven(path+".tls.clients.ca", &l.TLS.Clients.CA)
	r.resolveGiven(path+".tls.acme.rootCA", &l.TLS.ACME.RootCA)
	r.resolveGiven(path+".backendTLS.ca", &l.BackendTLS.CA)
	r.resolveGiven(path+".backendTLS.certificate", &l.BackendTLS.Certificate)
	r.resolveGiven(path+".backendTLS.key", &l.BackendTLS.Key)
	r.resolveGiven(path+".geographic.database", &l.Geographic.Database)
	for status, file := range l.ErrorPages {
		r.resolveGiven(path+".errorPages."+status, &file)
		l.ErrorPages[status] = file
	}
}
