package attack_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"tocsin"
	"tocsin/test/harness"
)

// limits are the cases of rate limits, concurrency and repetition.
func limits() []attack {
	major := becomes(tocsin.Major)
	all := []attack{
		{number: 87, name: "ten in a minute", doors: "S", run: tenInAMinute},
		{number: 87, name: "no limit", doors: "U", run: noLimit},
		{number: 89, doors: "S", run: exactlyTen},
		{number: 90, name: "refused calls count", doors: "S", run: refusedCallsCount},
		{number: 90, name: "others' failures do not", doors: "S", run: othersFailuresDoNot},
		{number: 91, doors: "S", run: keysAreIndependent},
		{number: 94, name: "256 characters", doors: "SU", edit: line("Idempotency-Key: " + strings.Repeat("a", 256)), want: []int{200}, effect: major},
		{number: 95, run: goneAtOnce},
	}
	for _, tag := range []string{"*", `W/"1"`, "garbage", `"another"`, strings.TrimSuffix(strings.Repeat(`"x", `, 100), ", ")} {
		all = append(all, attack{number: 93, name: tag[:min(len(tag), 10)], doors: "SU", edit: line("If-Match: " + tag), want: []int{200}, effect: major})
	}
	return everywhere(all)
}

// calls sends a message n times and counts the answers by status.
func (s *site) calls(t *testing.T, n int, m *message) map[int]int {
	t.Helper()
	counts := map[int]int{}
	for range n {
		counts[s.send(t, m).status]++
	}
	return counts
}

func tenInAMinute(t *testing.T, s *site) {
	if got := s.calls(t, 10, s.message()); got[200] != 10 {
		t.Fatalf("ten calls are answered with %v, should all be 200", got)
	}
	before := s.state(t)
	r := s.send(t, s.withBody(`{"severity":"minor"}`))
	if r.status != 429 {
		t.Fatalf("the eleventh is answered with %d, should be 429", r.status)
	}
	refuses(t, s.door, r, false)
	if after, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || after < 1 || after > 60 {
		t.Errorf("Retry-After is %q, should be 1 to 60 seconds", r.header.Get("Retry-After"))
	}
	nothing(t, before, s.state(t))
}

func noLimit(t *testing.T, s *site) {
	if got := s.calls(t, 60, s.message()); got[200] != 60 {
		t.Errorf("60 calls are answered with %v, should all be 200", got)
	}
}

// exactlyTen: however many come at once, and to however many nodes, ten pass.
func exactlyTen(t *testing.T, s *site) {
	var mu sync.Mutex
	var all sync.WaitGroup
	counts := map[int]int{}
	text := s.message().String()
	for i := range 100 {
		c := dial(t, s.servers[i%len(s.servers)], s.from)
		all.Go(func() {
			defer c.Close()
			c.write(text)
			r, err := c.read(s.method)
			mu.Lock()
			defer mu.Unlock()
			if counts[r.status]++; err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if counts[200] != 10 || counts[429] != 90 {
		t.Errorf("100 calls at once are answered with %v, should be 10 x 200 and 90 x 429", counts)
	}
}

func refusedCallsCount(t *testing.T, s *site) {
	if got := s.calls(t, 10, s.withBody(`{"severity":7}`)); got[400] != 10 {
		t.Fatalf("ten bad bodies are answered with %v, should all be 400", got)
	}
	s.expect(t, 429)
}

func othersFailuresDoNot(t *testing.T, s *site) {
	if got := s.calls(t, 10, s.edited(func(m *message) { m.set(s.credential(otherToken(s.key))) })); got[401] != 10 {
		t.Fatalf("ten wrong secrets are answered with %v, should all be 401", got)
	}
	if r := s.send(t, s.message()); r.status != 200 {
		t.Errorf("the key's holder is answered with %d, should be 200", r.status)
	}
}

func keysAreIndependent(t *testing.T, s *site) {
	s.calls(t, 10, s.message())
	s.expect(t, 429)
	list := s.edited(func(m *message) { m.method, m.target, m.body = "GET", "/api/v1/incidents", "" })
	if r := s.send(t, list); r.status != 200 {
		t.Errorf("another operation of the key is answered with %d, should be 200", r.status)
	}
	s.key = s.Key(tocsin.KeyDraft{Owner: s.Ada, Name: "another"})
	if r := s.send(t, s.message()); r.status != 200 {
		t.Errorf("another key of the user is answered with %d, should be 200", r.status)
	}
}

// goneAtOnce: a client that does not wait has made its change, or has not.
func goneAtOnce(t *testing.T, s *site) {
	before := s.state(t)
	for range 5 {
		c := s.dial(t)
		if _, err := c.Write([]byte(s.message().String())); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	if r := s.send(t, s.message()); r.status != 200 {
		t.Fatalf("the server answers another with %d", r.status)
	}
	after := s.state(t)
	if after.Version != before.Version+1 || after.entries != before.entries+1 || after.Severity != tocsin.Major {
		t.Errorf("there should be one change with one entry; the version went from %d to %d and the log from %d to %d",
			before.Version, after.Version, before.entries, after.entries)
	}
}

// guessing: many wrong keys from one address are slowed down; a right key and
// other addresses are not.
func guessing(t *testing.T, s *site) {
	wrong := s.edited(func(m *message) { m.set(s.credential(otherToken(s.key))) })
	c := s.dial(t)
	defer c.Close()
	for i := range 61 {
		c.write(wrong.String())
		r, err := c.read(s.method)
		if err != nil {
			t.Fatal(err)
		}
		want := 401
		if i == 60 {
			want = 429
			if r.header.Get("Retry-After") == "" {
				t.Error("a 429 should come with Retry-After")
			}
		}
		if r.status != want {
			t.Fatalf("failure %d is answered with %d, should be %d", i+1, r.status, want)
		}
		refuses(t, s.door, r, false)
	}
	if r := s.send(t, s.message()); r.status != 200 {
		t.Errorf("the right key from the same address is answered with %d, should be 200", r.status)
	}
	elsewhere := *s
	elsewhere.from = append([]byte(nil), s.from...)
	elsewhere.from[len(elsewhere.from)-2] += 100
	if r := elsewhere.send(t, wrong); r.status != 401 {
		t.Errorf("a wrong key from another address is answered with %d, should be 401", r.status)
	}
}

// The native API's limit is the operator's: a bucket that fills up within a
// minute, counted by key and not by what was made of the call.
func TestTheNativeLimitIsAsConfigured(t *testing.T) {
	t.Parallel()
	database := harness.Engines()[0].Fresh(t) // it is counted in memory, on every engine alike
	server := harness.Serve(t, database, "TOCSIN_RATE_LIMIT=10")
	services, _ := harness.Open(t, database)
	s := &site{door: doors()[2], services: services, servers: []string{server.URL}}
	s.open(t)
	if got := s.calls(t, 10, s.edited(func(m *message) { m.set(s.credential(otherToken(s.key))) })); got[401] != 10 {
		t.Fatalf("ten wrong secrets are answered with %v, should all be 401", got)
	}
	if got := s.calls(t, 10, s.withBody(`{"severity":7}`)); got[422] != 10 {
		t.Fatalf("ten bad bodies are answered with %v, should all be 422: others' failures do not count", got)
	}
	before := s.state(t)
	r := s.send(t, s.message())
	if r.status != 429 {
		t.Fatalf("the eleventh call is answered with %d, should be 429: refused calls count", r.status)
	}
	refuses(t, s.door, r, false)
	after, err := strconv.Atoi(r.header.Get("Retry-After"))
	if err != nil || after < 1 || after > 60 {
		t.Errorf("Retry-After is %q, should be 1 to 60 seconds", r.header.Get("Retry-After"))
	}
	if got, want := r.header.Get("RateLimit-Policy"), `"api";q=10;w=60`; got != want {
		t.Errorf("RateLimit-Policy is %q, should be %q", got, want)
	}
	if got := r.header.Get("RateLimit"); !strings.HasPrefix(got, `"api";r=0;t=`) {
		t.Errorf("RateLimit is %q, should say that none remain", got)
	}
	nothing(t, before, s.state(t))
	s.key = s.Key(tocsin.KeyDraft{Owner: s.Ada, Name: "another"})
	if r := s.send(t, s.message()); r.status != 200 || !strings.HasPrefix(r.header.Get("RateLimit"), `"api";r=9;t=`) {
		t.Errorf("another key of the user is answered with %d and RateLimit %q, should be 200 with 9 remaining", r.status, r.header.Get("RateLimit"))
	}
}
