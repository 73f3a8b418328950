package httpapi

import (
	"net/http"
	"net/netip"
	"strings"

	"toolbridge/api/internal/fault"
)

// localGuard lets only programs of this machine through. For all others the path does not
// exist.
var localGuard = guard{
	check: func(c *call) error {
		if !isLocal(c.Request) {
			return fault.New(fault.RouteNotFound, "no such route")
		}
		return nil
	},
	codes: []fault.Code{fault.RouteNotFound},
}

// isLocal reports whether a request comes from this machine, and not by a proxy on it.
func isLocal(r *http.Request) bool {
	for name := range r.Header {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}
