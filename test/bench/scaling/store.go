package main

import (
	"encoding/json"
	"time"

	"headroom.dev/headroom"
)

// nothing is a store that keeps nothing: how fast a disk syncs is another question.
type nothing struct{}

func (nothing) Get(string, string, any) error { return headroom.ErrNotFound }

func (nothing) List(string, func(string, json.RawMessage) error) error { return nil }

func (nothing) Commit(...headroom.Write) ([]headroom.Entry, error) { return nil, nil }

func (nothing) Journal(headroom.JournalQuery) ([]headroom.Entry, error) { return nil, nil }

func (nothing) Prune(headroom.EntryKind, time.Time) (int, error) { return 0, nil }

func (nothing) Close() error { return nil }
