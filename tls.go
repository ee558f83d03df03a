package headroom

// TLS is what a listener needs to speak TLS for a service: certificates from files, which are read again when they change, or
// obtained by ACME. Which certificate a client gets is decided by the name that it asks for (SNI).
type TLS struct {
	Certificates []Certificate      `json:"certificates,omitempty" doc:"certificates from files, read again when they change; the names in them decide who gets which, the first is for clients that name none" example:"[{certificate: shop.pem, key: shop.key}]"`
	ACME         ACME               `json:"acme" doc:"obtaining certificates for hosts, and renewing them, by ACME (Let's Encrypt and others)"`
	Clients      ClientCertificates `json:"clients" doc:"certificates of clients (mutual TLS)"`
	MinVersion   string             `json:"minVersion" default:"1.2" enum:"1.2,1.3" doc:"least version of TLS"`
}

// Enabled reports whether the service's clients use TLS.
func (t TLS) Enabled() bool { return len(t.Certificates) > 0 || t.ACME.Enabled }

// Certificate is a pair of files.
type Certificate struct {
	Certificate string `json:"certificate" doc:"PEM file of the certificate and those between it and the root" example:"shop.pem"`
	Key         string `json:"key" doc:"PEM file of the private key" example:"shop.key"`
}

// ACME obtains certificates for the hosts of a service by the challenge TLS-ALPN-01 (RFC 8737), for which the authority connects to
// port 443 of each host: the service's own listener, or what leads to it.
type ACME struct {
	Enabled   bool   `json:"enabled" default:"false" doc:"obtain certificates for the hosts of the service; using it accepts the authority's terms"`
	Email     string `json:"email,omitempty" doc:"whom the authority tells about trouble" example:"ops@example.com"`
	Directory string `json:"directory" default:"https://acme-v02.api.letsencrypt.org/directory" doc:"the authority" example:"https://acme-staging-v02.api.letsencrypt.org/directory"`
	RootCA    string `json:"rootCA,omitempty" doc:"PEM file of the root that the authority's own server is verified with; default those of the system" example:"pebble.pem"`
}

// ClientCertificates says which certificates clients must or may show.
type ClientCertificates struct {
	Mode string `json:"mode" default:"none" enum:"none,optional,required" doc:"whether clients show a certificate; optional verifies one that is shown"`
	CA   string `json:"ca,omitempty" doc:"PEM file of the authorities that clients' certificates are verified with" example:"clients-ca.pem"`
}

// BackendTLS is TLS to the backends of a service.
type BackendTLS struct {
	Enabled     bool   `json:"enabled" default:"false" doc:"speak TLS to the backends"`
	CA          string `json:"ca,omitempty" doc:"PEM file of the authorities that backends' certificates are verified with; default those of the system" example:"backends-ca.pem"`
	ServerName  string `json:"serverName,omitempty" doc:"name that backends' certificates must be for; default the host of the backend's address" example:"shop.internal"`
	Certificate string `json:"certificate,omitempty" doc:"PEM file of the certificate that is shown to backends (mutual TLS)" example:"balancer.pem"`
	Key         string `json:"key,omitempty" doc:"PEM file of its private key" example:"balancer.key"`
	SkipVerify  bool   `json:"skipVerify,omitempty" doc:"take any certificate: for tests only, anyone on the way can read and change everything" example:"true"`
}

// ProxyProtocol is HAProxy's PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt).
type ProxyProtocol struct {
	Accept bool   `json:"accept" default:"false" doc:"each connection begins with a PROXY header, which tells the client's address; with trustedProxies only theirs may"`
	Send   string `json:"send" default:"none" enum:"none,v1,v2" doc:"begin each connection to a backend with a PROXY header; each client gets connections of its own then"`
}
