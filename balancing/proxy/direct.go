package proxy

import (
	"math/rand/v2"

	"headroom.dev/headroom/balancing/split"
)

// direct finds the route of a request and the service that serves it: the one that the route names, else that of the door, and of its variants the
// one that the request's user is on. The variant's own split does not count. What holds towards clients stays that of the door.
func (x *exchange) direct() {
	x.route = x.door.routes.Find(x.req.Target(), &x.req, &x.target)
	if x.route.Redirect != 0 {
		return
	}
	if to := x.door.targets[x.route.Number]; to != nil {
		x.lead(to)
	}
	if m := x.view.mirror; m != nil {
		x.copyHead(x.service, m)
	}
	if x.view.split != nil {
		x.chooseVariant()
	}
}

func (x *exchange) lead(to *service) {
	if to != x.service {
		x.service, x.view = to, to.view.Load()
	}
}

// chooseVariant leads the request to a variant of its service. With all weights 0, requests that show nothing stay with the service.
func (x *exchange) chooseVariant() {
	whole := x.view
	lot := rand.Uint64()
	i, anonymous := whole.split.Choose(&x.req, x.conn.client.Addr(), lot)
	if i == split.None {
		return
	}
	if name := whole.split.Cookie(); anonymous && name != "" {
		x.userCookie, x.user = name, lot
	}
	x.lead(whole.variants[i])
}

// appendUser appends the cookie that an anonymous user stays on a variant by: for a year, and for the server alone.
func (x *exchange) appendUser(dst []byte) []byte {
	dst = append(dst, "Set-Cookie: "...)
	dst = append(dst, x.userCookie...)
	dst = append(dst, '=')
	dst = split.AppendID(dst, x.user)
	dst = append(dst, "; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"...)
	if x.conn.tls != nil {
		dst = append(dst, "; Secure"...)
	}
	return append(dst, "\r\n"...)
}
