package bolt

import "fmt"

// LockedError says that another process holds the state.
type LockedError struct {
	Path string // of the state file
	PID  int    // of the holder; 0 where unknown
}

func (e *LockedError) Error() string {
	holder := "another headroom"
	if e.PID > 0 {
		holder = fmt.Sprintf("another headroom (process %d)", e.PID)
	}
	return fmt.Sprintf("%s runs on this state, %s: stop it first, or give this one another state.dir", holder, e.Path)
}

// DamagedError says that the state file cannot be trusted.
type DamagedError struct {
	Path   string
	Damage string // where and what
	// Snapshot says why the snapshot could not take its place; empty where that was not tried.
	Snapshot string
}

func (e *DamagedError) Error() string {
	if e.Snapshot == "" {
		return fmt.Sprintf("the state file %s is damaged: %s", e.Path, e.Damage)
	}
	return fmt.Sprintf("the state file %s is damaged (%s) and cannot be recovered (%s): "+
		"put back a copy of it from a backup, or move it and %s away to start with empty state; running replicas are not touched",
		e.Path, e.Damage, e.Snapshot, snapshotPath(e.Path))
}

// VersionError says that a state file has a schema that this program does not read.
type VersionError struct {
	Path  string
	Found string // schema version in the file; empty where it has none
}

func (e *VersionError) Error() string {
	switch {
	case e.Found == "":
		return fmt.Sprintf("%s is a bbolt file, but not a state file of headroom: give another state.dir", e.Path)
	case newerSchema(e.Found):
		return fmt.Sprintf("the state file %s was written by a newer headroom (schema %s, this one reads %d): "+
			"run that version, or move the file away to start with empty state", e.Path, e.Found, schemaVersion)
	default:
		return fmt.Sprintf("the state file %s was written by an older headroom (schema %s, this one reads %d) and cannot be "+
			"converted: run that version, or move the file away to start with empty state", e.Path, e.Found, schemaVersion)
	}
}
