package crash_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/test/harness"
)

// A client whose answer was lost with the server asks again under the same
// Idempotency-Key: wherever the server died, the change is made once, and from
// then on every answer is the same.
func TestAskedAgainAfterACrashItIsDoneOnce(t *testing.T) {
	for _, place := range failpoints() {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			database := harness.Engines()[0].Fresh(t)
			services, end := harness.Open(t, database)
			tenant := harness.NewTenant(t, services)
			token := tenant.Key(tocsin.KeyDraft{Owner: tenant.Ada, Name: "retry"}).Token
			before := harness.LogLength(t, services, tenant.Org)
			end()

			body := fmt.Sprintf(`{"title":"once","severity":"minor","project_id":%q}`, tenant.Project)
			server := harness.Serve(t, database, "FAILPOINT="+place+":1")
			if status, answer := openOnce(server.URL, token, body); status != 0 {
				t.Fatalf("the server was to die before its answer; it answered %d %s", status, answer)
			}
			<-server.Done()

			server = harness.Serve(t, database)
			status, first := openOnce(server.URL, token, body)
			if status != http.StatusCreated {
				t.Fatalf("asked again: %d %s; want 201", status, first)
			}
			if status, again := openOnce(server.URL, token, body); status != http.StatusCreated || again != first {
				t.Errorf("asked a third time: %d %s; want %s", status, again, first)
			}
			server.Stop()

			services, end = harness.Open(t, database)
			defer end()
			if made := harness.LogLength(t, services, tenant.Org) - before; made != 1 {
				t.Errorf("the log has %d entries of it; want one", made)
			}
		})
	}
}

// openOnce opens an incident under one Idempotency-Key; the status is 0 when no
// answer came.
func openOnce(url, token, body string) (status int, answer string) {
	r, err := http.NewRequest(http.MethodPost, url+"/v1/incidents", strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "after-the-crash")
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}
