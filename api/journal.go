package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"headroom.dev/headroom"
)

// OperationList is a list of operations, newest first.
type OperationList struct {
	Operations []headroom.Operation `json:"operations" nullable:"false"`
}

// AuditEntry is one change that was asked for through the API.
type AuditEntry struct {
	Seq     uint64    `json:"seq" doc:"number of the journal's entry"`
	At      time.Time `json:"at"`
	Service string    `json:"service,omitempty"`
	headroom.AuditRecord
}

// AuditList is the audit log, newest first.
type AuditList struct {
	Records []AuditEntry `json:"records" nullable:"false"`
}

func (s *server) registerJournal(api huma.API) {
	register(s, api, operation{
		method: http.MethodGet, path: "/api/operations", id: "list-operations", tag: tagJournal,
		summary:     "Operations, newest first",
		description: "Each change of the world in its newest state.",
		response:    OperationList{[]headroom.Operation{exampleOperation()}},
	}, s.operationList)
	register(s, api, operation{
		method: http.MethodGet, path: "/api/audit", id: "list-audit-records", tag: tagJournal,
		summary:     "Audit log, newest first",
		description: "Every change that was asked for through this API: carried out (done), dry runs (checked), and refused ones.",
		response:    AuditList{[]AuditEntry{exampleAudit()}},
	}, s.audit)
}

func (s *server) operationList(_ context.Context, in *struct {
	ListInput
	Open bool `query:"open" doc:"only those that have not ended"`
}) (*body[OperationList], error) {
	operations, err := newest(s, headroom.EntryOperation, in.ListInput, func() take[headroom.Operation] {
		// The journal has an entry for each change of an operation's state; the newest is current.
		seen := map[string]bool{}
		return func(_ headroom.Entry, operation headroom.Operation) bool {
			if seen[operation.ID] {
				return false
			}
			seen[operation.ID] = true
			return !in.Open || operation.Open()
		}
	})
	return &body[OperationList]{OperationList{operations}}, err
}

func (s *server) audit(_ context.Context, in *ListInput) (*body[AuditList], error) {
	records := []AuditEntry{}
	_, err := newest(s, headroom.EntryAudit, *in, func() take[headroom.AuditRecord] {
		records = records[:0]
		return func(entry headroom.Entry, record headroom.AuditRecord) bool {
			records = append(records, AuditEntry{Seq: entry.Seq, At: entry.At, Service: entry.Service, AuditRecord: record})
			return true
		}
	})
	return &body[AuditList]{AuditList{records}}, err
}
