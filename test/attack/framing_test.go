package attack_test

import (
	"fmt"
	"strings"
	"testing"

	"tocsin"
)

// line returns an edit that adds a header line.
func line(text string) func(*site, *message) {
	return func(_ *site, m *message) { m.add(text) }
}

// replace returns an edit that replaces a header line.
func replace(text string) func(*site, *message) {
	return func(_ *site, m *message) { m.set(text) }
}

// target returns an edit of the path; %s stands for the incident's id.
func target(format string) func(*site, *message) {
	return func(s *site, m *message) { m.target = strings.ReplaceAll(format, "%ID", s.Incident.String()) }
}

// id returns an edit that names another incident, spelt as it is.
func id(text string) func(*site, *message) {
	return func(s *site, m *message) { m.target = s.pathOf(text) }
}

// chunks returns an edit that sends the body in this chunked form.
func chunks(text string) func(*site, *message) {
	return func(_ *site, m *message) { m.chunked(text) }
}

const good = `{"severity":"major"}`

// otherMedia are types of which a body must not be.
func otherMedia() []string {
	return []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json, text/plain", ";"}
}

func utf16(_ *site, m *message) {
	m.set("Content-Type: application/json; charset=utf-16")
	m.body = "\xff\xfe" + strings.Join(strings.Split(good, ""), "\x00") + "\x00"
}

func compressed(_ *site, m *message) {
	m.add("Content-Encoding: gzip")
	m.body = bomb()
}

// framing are the cases of HTTP framing and routing.
func framing() []attack {
	major := becomes(tocsin.Major)
	all := []attack{
		{number: 1, name: "length beside chunked", edit: func(_ *site, m *message) { m.chunked(chunk(good)); m.add("Content-Length: 2") }, want: []int{400}, plain: true, closes: true},
		{number: 2, name: "two lengths", edit: func(_ *site, m *message) { m.add("Content-Length: 20"); m.add("Content-Length: 2") }, want: []int{400}, plain: true, closes: true},
		{number: 5, name: "huge chunk", edit: chunks("FFFFFFFFFFFFFFFF\r\n" + padded(maxBody+1)), want: []int{400, 413}, plain: true, closes: true},
		{number: 5, name: "negative chunk", edit: chunks("-1\r\n" + good), want: []int{400}, plain: true, closes: true},
		{number: 5, name: "17 hex digits", edit: chunks("00000000000000014\r\n" + good + "\r\n0\r\n\r\n"), want: []int{400}, plain: true, closes: true},
		{number: 6, name: "short chunk extension", edit: chunks("14;a=b\r\n" + good + "\r\n0\r\n\r\n"), want: []int{200, 400}, effect: major, plain: true},
		{number: 7, name: "space before the colon", edit: line("Content-Length : 20"), want: []int{400}, plain: true, closes: true},
		{number: 8, name: "folded header", edit: line("X-Folded: a\r\n b"), want: []int{400}, plain: true, closes: true},
		{number: 9, name: "no Host", edit: func(_ *site, m *message) { m.drop("Host") }, want: []int{400}, plain: true, closes: true},
		{number: 9, name: "two Hosts", edit: line("Host: other.example"), want: []int{400}, plain: true, closes: true},
		{number: 9, name: "NUL in Host", edit: replace("Host: a\x00b"), want: []int{400}, plain: true, closes: true},
		{number: 9, name: "@ in Host", edit: replace("Host: a@b"), want: []int{400}, plain: true, closes: true},
		{number: 9, name: "slash in Host", edit: replace("Host: a/b"), want: []int{400}, plain: true, closes: true},
		{number: 10, name: "NUL in a value", edit: line("X-A: a\x00b"), want: []int{400}, plain: true, closes: true},
		{number: 10, name: "CR in a value", edit: line("X-A: a\rb"), want: []int{400}, plain: true, closes: true},
		{number: 10, name: "LF in a value", edit: line("X-A: a\nb"), want: []int{400}, plain: true, closes: true},
		{number: 11, name: "header of 20 KB", edit: line("X-A: " + strings.Repeat("a", 20_000)), want: []int{431}, plain: true, closes: true},
		{number: 11, name: "200 headers of 100 B", edit: func(_ *site, m *message) {
			for i := range 200 {
				m.add(fmt.Sprintf("X-%03d: %s", i, strings.Repeat("a", 92)))
			}
		}, want: []int{431}, plain: true, closes: true},
		{number: 11, name: "header of 8 KB", edit: line("X-A: " + strings.Repeat("a", 8_000)), want: []int{200}, effect: major},
		{number: 16, name: "wrong key and Expect", edit: func(s *site, m *message) {
			m.set(s.credential(otherToken(s.key)))
			m.add("Expect: 100-continue")
		}, want: []int{401}, check: func(t *testing.T, _ *site, r reply) {
			if len(r.interim) > 0 {
				t.Errorf("the server asked for the body (%v) of a caller whom it does not know", r.interim)
			}
		}},
		{number: 16, name: "Expect x", edit: line("Expect: x"), want: []int{417}, plain: true},
		{number: 18, name: "method override", edit: line("X-HTTP-Method-Override: DELETE"), want: []int{200}, effect: major},
		{number: 23, name: "query beside the body", doors: "SU", edit: func(_ *site, m *message) { m.target += "?severity=minor&severity=warning&title=x" }, want: []int{200}, effect: major},
		{number: 25, name: "media type in capitals", edit: replace("Content-Type: Application/JSON; charset=UTF-8"), want: []int{200}, effect: major},
		{number: 25, name: "no media type", doors: "SU", edit: func(_ *site, m *message) { m.drop("Content-Type") }, want: []int{200}, effect: major},
		{number: 26, name: "UTF-16", doors: "SU", edit: utf16, want: []int{400}},
		{number: 26, name: "byte order mark", edit: func(_ *site, m *message) { m.body = "\ufeff" + good }, want: []int{400}},
		{number: 27, name: "compressed bomb", doors: "SU", edit: compressed, want: []int{400}},
		{number: 28, name: "HTTP/2 without asking", run: prefaceIsRefused},
		{number: 29, name: "pipelined with another key", run: pipelinedEachByItsOwnKey},
		{number: 6, name: "chunked oddly, then another request", run: neverOutOfStep},
	}
	for _, value := range []string{"+2", "0x2", "2, 2"} {
		all = append(all, attack{number: 3, name: value, edit: line("Content-Length: " + value), want: []int{400}, plain: true, closes: true})
	}
	for _, value := range []string{"xchunked", "identity", "chunked, chunked"} {
		all = append(all, attack{number: 4, name: value, edit: line("Transfer-Encoding: " + value), want: []int{400, 501}, plain: true, closes: true})
	}
	for _, value := range otherMedia() {
		all = append(all, attack{number: 24, name: value, doors: "SU", edit: replace("Content-Type: " + value), want: []int{400}})
	}
	return everywhere(append(all, routing()...))
}

// everywhere makes cases of every door of those that name none.
func everywhere(cases []attack) []attack {
	for i := range cases {
		if cases[i].doors == "" {
			cases[i].doors = "SUN"
		}
	}
	return cases
}

// routing are the cases about methods, paths and ids.
func routing() []attack {
	var all []attack
	for _, method := range []string{"PATCH", "POST", "PUT", "TRACE", "DELETE", "OPTIONS", "CONNECT", "BREW"} {
		doors := map[string]string{"PATCH": "SU", "POST": "UN", "PUT": "SN"}[method] // where it is not the update's
		all = append(all, attack{number: 17, name: method, doors: doors, edit: func(_ *site, m *message) { m.method = method }, want: []int{405}, check: allows})
	}
	all = append(all,
		attack{number: 17, name: "GET", doors: "S", edit: func(_ *site, m *message) { m.method = "GET" }, want: []int{405}, check: allows},
		attack{number: 17, name: "method in lower case", edit: func(_ *site, m *message) { m.method = strings.ToLower(m.method) }, want: []int{405}, check: allows},
		attack{number: 22, name: "upper case", edit: func(s *site, m *message) { m.target = s.pathOf(strings.ToUpper(s.Incident.String())) }, want: []int{200}, effect: becomes(tocsin.Major)},
		attack{number: 22, name: "braces", edit: func(s *site, m *message) { m.target = s.pathOf("{" + s.Incident.String() + "}") }, want: []int{404}},
		attack{number: 22, name: "urn", edit: func(s *site, m *message) { m.target = s.pathOf("urn:uuid:" + s.Incident.String()) }, want: []int{404}},
		attack{number: 22, name: "no hyphens", edit: func(s *site, m *message) {
			m.target = s.pathOf(strings.ReplaceAll(s.Incident.String(), "-", ""))
		}, want: []int{404}},
		attack{number: 22, name: "one digit less", edit: func(s *site, m *message) { m.target = strings.TrimSuffix(m.target, m.target[len(m.target)-1:]) }, want: []int{404}},
		attack{number: 20, name: "%zz", edit: id("%zz"), want: []int{400}, plain: true},
		attack{number: 20, name: "%u0041", edit: id("%u0041"), want: []int{400}, plain: true},
		attack{number: 21, name: "10 KB", edit: id(strings.Repeat("a", 10<<10)), want: []int{404}},
		attack{number: 21, name: "raw spaces", edit: id("' OR 1=1--"), want: []int{400}, plain: true},
	)
	paths := map[string][]string{
		"S": {"/api/v1//incidents/%ID", "/api/v1/./incidents/%ID", "/api/v1/x/../incidents/%ID", "/api/v1/incidents/%ID/", "/api/v1/incidents//%ID"},
		"U": {"/api/incidents//%ID", "/api/incidents/./%ID", "/api/incidents/x/../%ID", "/api/incidents/%ID/", "/api/incidents/%ID/."},
		"N": {"/v1//incidents/%ID", "/v1/./incidents/%ID", "/v1/x/../incidents/%ID", "/v1/incidents/%ID/", "/v1/incidents//%ID"},
	}
	for doors, list := range paths {
		for _, p := range list {
			all = append(all, attack{number: 19, name: p, doors: doors, edit: target(p), want: []int{404}})
		}
	}
	for _, p := range []string{"//v1/incidents/%ID", "/V1/incidents/%ID", "/v1incidents/%ID", "/%76%32/incidents/%ID"} { // no door's
		all = append(all, attack{number: 19, name: p, doors: "N", edit: target(p), want: []int{404}, plain: true})
	}
	for _, spelt := range []string{"%2e%2e", "1%2f2", "%00", "%0d%0a", "%0d%0aX-Evil:%20" + mark} {
		all = append(all, attack{number: 20, name: spelt, edit: id(spelt), want: []int{404}})
	}
	for _, spelt := range []string{"🔥", "%F0%9F%94%A5", "null", "undefined", "0", "-1", "*", "'%20OR%201=1--", mark} {
		all = append(all, attack{number: 21, name: spelt, edit: id(spelt), want: []int{404}})
	}
	return all
}

// allows checks that a 405 names what there is.
func allows(t *testing.T, s *site, r reply) {
	t.Helper()
	if got := r.header.Get("Allow"); !strings.Contains(got, s.method) {
		t.Errorf("Allow is %q, should name %s", got, s.method)
	}
}
