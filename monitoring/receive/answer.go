package receive

import (
	"encoding/json"

	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/protobuf/encoding/protowire"
)

// Accepted is the ExportMetricsServiceResponse to a batch: a partial success where something was rejected.
func Accepted(batch Batch, encoding Encoding) ([]byte, error) {
	response := pmetricotlp.NewExportResponse()
	if batch.Rejected > 0 {
		response.PartialSuccess().SetRejectedDataPoints(int64(batch.Rejected))
		response.PartialSuccess().SetErrorMessage(batch.Reason)
	}
	if encoding == JSON {
		return response.MarshalJSON()
	}
	return response.MarshalProto()
}

// Refused is the google.rpc.Status with which OTLP refuses a request: Status{code = 1, message = 2}. Senders use the message alone.
func Refused(reason string, encoding Encoding) []byte {
	if encoding == JSON {
		body, err := json.Marshal(map[string]string{"message": reason})
		if err != nil {
			return []byte("{}")
		}
		return body
	}
	return protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), reason)
}
