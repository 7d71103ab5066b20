package httpkit

import (
	"net/http"
	"net/netip"
	"strings"
)

// ClientAddress returns the address that a request came from: the peer's, or,
// if the peer is a trusted proxy, the right-most hop of X-Forwarded-For that is
// not one. What stands left of that hop the client may have written himself. A
// hop that is no address ends the search at the proxy that named it. IPv4 comes
// as IPv4; the zero Addr means that the peer has no IP address.
func ClientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	addr := parseHop(r.RemoteAddr)
	if !contains(trusted, addr) {
		return addr
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for more := true; more; {
			var hop string
			if cut := strings.LastIndexByte(rest, ','); cut >= 0 {
				rest, hop = rest[:cut], rest[cut+1:]
			} else {
				hop, more = rest, false
			}
			next := parseHop(strings.TrimSpace(hop))
			if !next.IsValid() {
				return addr
			}
			addr = next
			if !contains(trusted, addr) {
				return addr
			}
		}
	}
	return addr
}

// parseHop reads an address with or without a port.
func parseHop(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
