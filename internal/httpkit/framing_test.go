package httpkit_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/httpkit"
)

const path = "/api/incidents/1"

// update is a route that reports the body of each request that would have had
// an effect.
func update(effects chan<- string) httpkit.Route {
	return httpkit.Route{Method: "PUT", Pattern: "/api/incidents/{id}", Handle: func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("X-API-Key") == "wrong" {
			return tocsin.Errorf(tocsin.Unauthenticated, "who are you?")
		}
		body, err := httpkit.ReadJSON(w, r, 1<<20)
		if err != nil {
			return err
		}
		if id := r.PathValue("id"); id != "1" {
			return tocsin.Errorf(tocsin.NotFound, "no such incident")
		}
		effects <- string(body)
		return httpkit.WriteJSON(w, http.StatusOK, map[string]int{"length": len(body)})
	}}
}

func put(headers, body string) string {
	return "PUT " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body
}

// good is a plain request; after a refused one on the same connection it must
// be read right or not at all.
var good = put("Content-Length: 2\r\n", "{}")

func TestFraming(t *testing.T) {
	t.Parallel()
	const chunked = "Transfer-Encoding: chunked\r\n"
	tests := map[string]struct {
		raw string
		// want are the allowed answers; 0 stands for none at all.
		want []int
		// goesOn: the next request on the connection is answered too.
		goesOn bool
		effect bool
	}{
		"1: length beside chunked":           {raw: put("Content-Length: 2\r\n"+chunked, "2\r\n{}\r\n0\r\n\r\n"), want: []int{400}},
		"1: chunked beside length":           {raw: put(chunked+"content-LENGTH: 2\r\n", "2\r\n{}\r\n0\r\n\r\n"), want: []int{400}},
		"1: chunked in HTTP/1.0":             {raw: "PUT " + path + " HTTP/1.0\r\nHost: x\r\n" + chunked + "\r\n0\r\n\r\n", want: []int{400}},
		"chunked by itself":                  {raw: put(chunked, "2\r\n{}\r\n0\r\n\r\n"), want: []int{200}, goesOn: true, effect: true},
		"chunked with a trailer":             {raw: put(chunked, "1\r\n{\r\n1\r\n}\r\n0\r\nX-T: 1\r\n\r\n"), want: []int{200}, goesOn: true, effect: true},
		"2: two different lengths":           {raw: put("Content-Length: 2\r\nContent-Length: 3\r\n", "{} "), want: []int{400}},
		"3: length with a sign":              {raw: put("Content-Length: +2\r\n", "{}"), want: []int{400}},
		"3: length in hexadecimal":           {raw: put("Content-Length: 0x2\r\n", "{}"), want: []int{400}},
		"3: a list of lengths":               {raw: put("Content-Length: 2, 2\r\n", "{}"), want: []int{400}},
		"4: unknown coding":                  {raw: put("Transfer-Encoding: xchunked\r\n", "{}"), want: []int{400, 501}},
		"4: identity":                        {raw: put("Transfer-Encoding: identity\r\n", "{}"), want: []int{400, 501}},
		"4: chunked twice":                   {raw: put("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), want: []int{400, 501}},
		"5: a negative chunk size":           {raw: put(chunked, "-2\r\n{}\r\n0\r\n\r\n"), want: []int{400}},
		"5: 17 digits of chunk size":         {raw: put(chunked, "00000000000000002\r\n{}\r\n0\r\n\r\n"), want: []int{400}},
		"6: bare line feeds in chunks":       {raw: put(chunked, "2\n{}\n0\n\n"), want: []int{400}},
		"6: a chunk extension":               {raw: put(chunked, "2;a=b\r\n{}\r\n0\r\n\r\n"), want: []int{200}, goesOn: true, effect: true},
		"6: a chunk extension of 16 KB":      {raw: put(chunked, "2;a="+strings.Repeat("b", 16<<10)+"\r\n{}\r\n0\r\n\r\n"), want: []int{400}},
		"7: a space before the colon":        {raw: put("Content-Length : 2\r\n", "{}"), want: []int{400}},
		"8: a folded header":                 {raw: put("X-A: 1\r\n 2\r\nContent-Length: 2\r\n", "{}"), want: []int{400}},
		"8: a folded header, by a tab":       {raw: put("X-A: 1\r\n\tContent-Length: 5\r\nContent-Length: 2\r\n", "{}"), want: []int{400}},
		"9: no Host":                         {raw: "PUT " + path + " HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", want: []int{400}},
		"9: two Hosts":                       {raw: put("Host: y\r\nContent-Length: 2\r\n", "{}"), want: []int{400}},
		"9: a NUL in Host":                   {raw: "PUT " + path + " HTTP/1.1\r\nHost: x\x00y\r\nContent-Length: 2\r\n\r\n{}", want: []int{400}},
		"9: a user in Host":                  {raw: "PUT " + path + " HTTP/1.1\r\nHost: u@x\r\nContent-Length: 2\r\n\r\n{}", want: []int{400}},
		"9: a path in Host":                  {raw: "PUT " + path + " HTTP/1.1\r\nHost: x/y\r\nContent-Length: 2\r\n\r\n{}", want: []int{400}},
		"9: a port in Host":                  {raw: "PUT " + path + " HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 2\r\n\r\n{}", want: []int{200}, goesOn: true, effect: true},
		"10: a NUL in a header":              {raw: put("X-A: a\x00b\r\nContent-Length: 2\r\n", "{}"), want: []int{400}},
		"10: a CR in a header":               {raw: put("X-A: a\rb\r\nContent-Length: 2\r\n", "{}"), want: []int{400}},
		"11: a header of 20 KB":              {raw: put("X-A: "+strings.Repeat("a", 20<<10)+"\r\n", ""), want: []int{431}},
		"11: 200 headers of 100 bytes":       {raw: put(strings.Repeat("X-A: "+strings.Repeat("a", 93)+"\r\n", 200), ""), want: []int{431}},
		"11: a head of 11 KB":                {raw: put("X-A: "+strings.Repeat("a", 11<<10)+"\r\nContent-Length: 2\r\n", "{}"), want: []int{200}, goesOn: true, effect: true},
		"16: an expectation nobody knows":    {raw: put("Expect: x\r\nContent-Length: 2\r\n", "{}"), want: []int{417}},
		"20: %zz in the path":                {raw: "PUT /api/incidents/%zz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", want: []int{400}},
		"29: a good one":                     {raw: good, want: []int{200}, goesOn: true, effect: true},
		"29: a wrong key":                    {raw: put("X-API-Key: wrong\r\nContent-Length: 2\r\n", "{}"), want: []int{401}, goesOn: true},
		"an empty line between two requests": {raw: good + "\r\n", want: []int{200}, effect: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			effects := make(chan string, 10)
			k := start(t, nil, update(effects))
			got, closed := k.statuses(t, test.raw+good, 2)
			if len(got) == 0 || !slices.Contains(test.want, got[0]) {
				t.Fatalf("the answers are %v, want the first to be one of %v", got, test.want)
			}
			if test.goesOn && (len(got) != 2 || got[1] != 200) {
				t.Errorf("the answers are %v, want the second request read right", got)
			}
			if len(got) == 1 && !closed {
				t.Error("the connection was left open after a request that could not be followed")
			}
			if len(got) == 2 && got[1] == 200 {
				<-effects // of the good request
			}
			if (len(effects) == 1) != test.effect {
				t.Errorf("the request had %d effects, want effect: %v", len(effects), test.effect)
			}
		})
	}
}

func TestPipelinedRequestsAreAnsweredApartAndInOrder(t *testing.T) {
	t.Parallel()
	k := start(t, nil, update(make(chan string, 10)))
	raw := good + put("X-API-Key: wrong\r\nContent-Length: 2\r\n", "{}") + good +
		put("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")
	got, closed := k.statuses(t, raw, 5)
	if want := []int{200, 401, 200, 400}; !slices.Equal(got, want) || !closed {
		t.Errorf("the answers are %v (closed: %v), want %v and the end", got, closed, want)
	}
}

func TestStrictListenerReadsHeadsHoweverTheyArrive(t *testing.T) {
	t.Parallel()
	effects := make(chan string, 10)
	k := start(t, nil, update(effects))
	body := "{\"a\":\r\n \"Content-Length: 9\\r\\n\"\r\n}" // a body that looks like a folded head
	whole := put("Content-Length: "+fmt.Sprint(len(body))+"\r\n", body) +
		put("Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x;e\r\n%s\r\n0\r\nX: y\r\n\r\n", len(body), body)) +
		put("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "0\r\n\r\n")
	w := k.dial(t)
	for _, b := range []byte(whole) {
		w.send(string(b))
	}
	for i, want := range []int{200, 200, 400} {
		if a, ok := w.answer("PUT"); !ok || a.status != want {
			t.Fatalf("answer %d is %v (came: %v), want %d", i+1, a.status, ok, want)
		}
	}
	for range 2 {
		if got := <-effects; got != body {
			t.Errorf("the handler read %q, want the body untouched", got)
		}
	}
}

func TestAContinueIsSentOnlyToThoseWhoMayGoOn(t *testing.T) {
	t.Parallel()
	k := start(t, nil, update(make(chan string, 1)))
	refused := k.dial(t)
	refused.send(put("X-API-Key: wrong\r\nExpect: 100-continue\r\nContent-Length: 2\r\n", ""))
	if a, _ := refused.answer("PUT"); a.status != 401 {
		t.Errorf("the first answer is %d, want 401 before any 100", a.status)
	}
	welcome := k.dial(t)
	welcome.send(put("Expect: 100-continue\r\nContent-Length: 2\r\n", ""))
	if a, _ := welcome.answer("PUT"); a.status != 100 {
		t.Fatalf("the first answer is %d, want 100", a.status)
	}
	welcome.send("{}")
	if a, _ := welcome.answer("PUT"); a.status != 200 {
		t.Errorf("the answer after the body is %d, want 200", a.status)
	}
}

// The slow clients of cases 12 to 15 meet the same server with shorter bounds.
func TestSlowClientsAreDropped(t *testing.T) {
	t.Parallel()
	short := func(s *http.Server, _ *httpkit.Options) {
		s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout = 100*time.Millisecond, 200*time.Millisecond, 300*time.Millisecond
	}
	tests := map[string]string{
		"12: a body that never ends":    put("Content-Length: 100\r\n", "{"),
		"13: a head that never ends":    "PUT " + path + " HTTP/1.1\r\nHost: x\r\nX-A",
		"13: nothing at all":            "",
		"5: a huge chunk":               put("Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFF\r\n{}"),
		"14: a chunk that never ends":   put("Transfer-Encoding: chunked\r\n", "5\r\n{"),
		"14: chunks that never end":     put("Transfer-Encoding: chunked\r\n", "1\r\n{\r\n"),
		"14: a trailer that never ends": put("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\nX-A"),
	}
	for name, raw := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			effects := make(chan string, 1)
			k := start(t, short, update(effects))
			w := k.dial(t)
			w.send(raw)
			for range 2 {
				if a, ok := w.answer("PUT"); !ok {
					break
				} else if a.status != 400 && a.status != 408 {
					t.Errorf("the answer is %d, want a refusal or none", a.status)
				}
			}
			if len(effects) != 0 {
				t.Error("half a request had an effect")
			}
		})
	}
}

func TestAClientThatSendsByteByByteIsDropped(t *testing.T) {
	t.Parallel()
	k := start(t, func(s *http.Server, _ *httpkit.Options) { s.ReadTimeout = 200 * time.Millisecond }, update(make(chan string, 1)))
	w := k.dial(t)
	w.send(put("Content-Length: 1000000\r\n", ""))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if _, err := io.WriteString(w, "{"); err != nil {
				return
			}
		case <-ctx.Done():
			t.Fatal("the server kept reading for ever")
		}
	}
}

func TestAClientThatNeverReadsIsDropped(t *testing.T) {
	t.Parallel()
	k := start(t, func(s *http.Server, _ *httpkit.Options) { s.WriteTimeout = 200 * time.Millisecond },
		httpkit.Route{Method: "GET", Pattern: "/much", Handle: func(w http.ResponseWriter, _ *http.Request) error {
			chunk := make([]byte, 1<<20)
			for {
				if _, err := w.Write(chunk); err != nil {
					return err
				}
			}
		}})
	k.dial(t).send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
	if l := k.logged(t); l["error"] == nil || l["status"] != 200.0 {
		t.Errorf("the log line is %v, want status 200 and the error of the write", l)
	}
}
