package proxy

import (
	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/geo"
)

// regions makes the regions of a service whose algorithm is geographic. It fails where the database cannot be read.
func (s *Server) regions(service string, settings headroom.LoadBalancing) (*geo.Regions, error) {
	if settings.Algorithm != headroom.Geographic {
		return nil, nil
	}
	path := settings.Geographic.Database
	if path == "" {
		return geo.NewRegions(settings.Geographic, nil), nil
	}
	database, err := s.databases.Open(path)
	if err != nil {
		return nil, &headroom.InvalidError{Field: "services." + service + ".loadBalancing.geographic.database", Value: path,
			Expected: "must be an mmdb file that can be read: " + err.Error()}
	}
	return geo.NewRegions(settings.Geographic, database), nil
}

// findRegions ranks the regions by how near they are to the client. The header is whoever's it is: a client that lies about its country gets
// to a backend that is far from it, and nothing else.
func (x *exchange) findRegions() {
	var header []byte
	client := x.conn.client.Addr()
	if x.route != nil {
		client = x.realClient().Addr()
		if name := x.view.settings.Geographic.Header; name != "" {
			header, _ = x.req.Field(name)
		}
	}
	x.pick.Regions = x.view.regions.Append(x.pick.Regions, header, client)
}
