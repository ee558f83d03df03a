package headroom

// Reach is how the backends of a service are reached: what requests and checks speak to them. It is kept with each replica, so that a
// scaler that restarts goes on judging in the same way. Its zero value is HTTP/1.1 over plain TCP. Reaches can be compared.
type Reach struct {
	Protocol        Protocol        `json:"protocol,omitempty"`
	BackendProtocol BackendProtocol `json:"backendProtocol,omitempty"`
	BackendTLS      BackendTLS      `json:"backendTLS,omitzero"`
	ProxyProtocol   string          `json:"proxyProtocol,omitempty"` // that connections begin with: none, v1 or v2
}

// Reach says how the backends are reached.
func (l LoadBalancing) Reach() Reach {
	return Reach{Protocol: l.Protocol, BackendProtocol: l.BackendProtocol, BackendTLS: l.BackendTLS, ProxyProtocol: l.ProxyProtocol.Send}
}
