package httpkit_test

import (
	"net/http"
	"net/netip"
	"testing"

	"tocsin/internal/httpkit"
)

func TestClientAddressBelievesOnlyTrustedProxies(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := map[string]struct {
		peer    string
		forward []string
		want    string
	}{
		"a direct client":                          {"203.0.113.5:4000", nil, "203.0.113.5"},
		"a direct client that lies":                {"203.0.113.5:4000", []string{"198.51.100.1"}, "203.0.113.5"},
		"a proxy":                                  {"10.0.0.1:4000", []string{"203.0.113.5"}, "203.0.113.5"},
		"a proxy, and a client that lies":          {"10.0.0.1:4000", []string{"198.51.100.1, 203.0.113.5"}, "203.0.113.5"},
		"a client that names a proxy":              {"10.0.0.1:4000", []string{"198.51.100.1, 10.0.0.9, 203.0.113.5"}, "203.0.113.5"},
		"a chain of proxies":                       {"10.0.0.1:4000", []string{"203.0.113.5, 10.0.0.3,10.0.0.2"}, "203.0.113.5"},
		"several headers, in order":                {"10.0.0.1:4000", []string{"198.51.100.1", "203.0.113.5, 10.0.0.2"}, "203.0.113.5"},
		"all of them trusted":                      {"10.0.0.1:4000", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"a proxy that says nothing":                {"10.0.0.1:4000", nil, "10.0.0.1"},
		"a hop that is no address":                 {"10.0.0.1:4000", []string{"203.0.113.5, unknown"}, "10.0.0.1"},
		"rubbish left of the client does not hurt": {"10.0.0.1:4000", []string{"<script>,,203.0.113.5"}, "203.0.113.5"},
		"an empty header":                          {"10.0.0.1:4000", []string{""}, "10.0.0.1"},
		"a hop with a port":                        {"10.0.0.1:4000", []string{"203.0.113.5:1234"}, "203.0.113.5"},
		"IPv6":                                     {"[fd00::1]:4000", []string{"2001:db8::5"}, "2001:db8::5"},
		"IPv6 with a port":                         {"[fd00::1]:4000", []string{"[2001:db8::5]:443"}, "2001:db8::5"},
		"IPv4 within IPv6":                         {"[::ffff:10.0.0.1]:4000", []string{"::ffff:203.0.113.5"}, "203.0.113.5"},
		"a zone":                                   {"[fe80::1%eth0]:4000", nil, "fe80::1"},
		"no IP at all":                             {"@", []string{"203.0.113.5"}, "invalid IP"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.forward}}
			if got := httpkit.ClientAddress(r, trusted).String(); got != test.want {
				t.Errorf("the client is %s, want %s", got, test.want)
			}
		})
	}
}
