package config

import (
	"fmt"

	"headroom.dev/headroom"
)

// RestartNeeded says which changes cannot be applied while headroom runs, one sentence for each:
//
//	needs a restart: api.listen changed from "127.0.0.1:7070" to "127.0.0.1:7071"
//
// Everything else that changed can be applied at once. The API's listener and token are made at the start, the state's
// directory is locked by the process, and the time series database takes its retention when it is opened.
func RestartNeeded(old, new headroom.Config) []string {
	var texts []string
	for _, fixed := range []struct{ path, before, after string }{
		{"api.listen", old.API.Listen, new.API.Listen},
		{"api.tokenFile", old.API.TokenFile, new.API.TokenFile},
		{"state.dir", old.State.Dir, new.State.Dir},
		{"monitoring.retention", old.Monitoring.Retention.String(), new.Monitoring.Retention.String()},
		{"monitoring.maxSize", old.Monitoring.MaxSize.String(), new.Monitoring.MaxSize.String()},
		{"log.format", old.Log.Format, new.Log.Format},
	} {
		if fixed.before != fixed.after {
			texts = append(texts, fmt.Sprintf("needs a restart: %s changed from %q to %q", fixed.path, fixed.before, fixed.after))
		}
	}
	if old.API.Token != new.API.Token {
		texts = append(texts, "needs a restart: api.token changed")
	}
	return texts
}
