package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"headroom.dev/headroom"
)

// auditWrite is the journal entry of a change that was asked for.
func (s *server) auditWrite(e *exchange, outcome string) (headroom.Write, error) {
	e.lock.Lock()
	record := headroom.AuditRecord{
		Actor: e.actor, Source: e.source, RequestID: e.id, Verb: e.verb, Object: e.object,
		Before: e.before, After: e.after, DryRun: e.dryRun, Reason: e.reason, Outcome: outcome,
	}
	service := e.service
	e.lock.Unlock()
	if record.Object == "" {
		record.Object = e.path
	}
	data, err := json.Marshal(record)
	if err != nil {
		return headroom.Write{}, fmt.Errorf("encode the audit record: %w", err)
	}
	return headroom.Write{Append: &headroom.Entry{
		At: s.now(), Kind: headroom.EntryAudit, Service: service, ID: e.id, Data: data,
	}}, nil
}

// auditRefusal records a change that was not made. Successful ones have been recorded with the change.
func (s *server) auditRefusal(e *exchange, status int) {
	if e.isRecorded() || status < http.StatusBadRequest {
		return
	}
	e.lock.Lock()
	outcome := fmt.Sprintf("refused: %d", status)
	if e.problem != nil {
		outcome = fmt.Sprintf("refused: %s: %s", e.problem.Code, e.problem.Detail)
	}
	e.lock.Unlock()
	if status >= http.StatusInternalServerError {
		outcome = "failed" + outcome[len("refused"):]
	}
	write, err := s.auditWrite(e, outcome)
	if err == nil {
		_, err = s.store.Commit(write)
	}
	if err != nil {
		s.logger.Error("cannot record a refused change in the audit log", "requestId", e.id, "verb", e.verb, "error", err)
	}
}
