package uptimeio_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/dialect"
	"tocsin/internal/dialect/dialecttest"
	"tocsin/internal/dialect/uptimeio"

	"github.com/google/go-cmp/cmp"
)

// render shows an error as the dialect does.
func render(err error) dialecttest.Reply {
	_, fail := uptimeio.Dialect().New(dialect.Deps{})
	w := httptest.NewRecorder()
	fail(w, httptest.NewRequest("PUT", "/api/incidents", http.NoBody), err)
	return dialecttest.Reply{Status: w.Code, Header: w.Header(), Body: w.Body.String()}
}

func TestEveryCodeHasAnAnswer(t *testing.T) {
	t.Parallel()
	answers := map[tocsin.Code]int{
		tocsin.Internal: 500, tocsin.Invalid: 400, tocsin.Unauthenticated: 401, tocsin.Forbidden: 403, tocsin.NotFound: 404,
		tocsin.Conflict: 400, tocsin.Exhausted: 400, tocsin.RateLimited: 429, tocsin.Busy: 500, tocsin.Unknown: 500,
		tocsin.Stale: 400, tocsin.PreconditionRequired: 400, tocsin.KeyReused: 400,
	}
	for _, code := range tocsin.Codes() {
		status, ok := answers[code]
		if !ok {
			t.Errorf("code %q has no answer here: give it a row in answerTo and in this test", code)
			continue
		}
		r := render(&tocsin.Error{Code: code, Message: "said to the caller", RetryAfter: 1500 * time.Millisecond, Err: errors.New("kept from him")})
		wantError(t, r, status)
		conformError(t, r)
		if strings.Contains(r.Body, "kept from him") {
			t.Errorf("%s: the cause leaves: %s", code, r.Body)
		}
		if got := r.Header.Get("Retry-After"); (got == "2") != (code == tocsin.RateLimited || code == tocsin.Busy) {
			t.Errorf("%s: Retry-After %q; 2 is for too many requests and an overloaded server", code, got)
		}
	}
}

func TestAnswerSaysWhetherTheChangeWasMade(t *testing.T) {
	t.Parallel()
	for code, words := range map[tocsin.Code]string{
		tocsin.Busy:    "was not carried out",
		tocsin.Unknown: "is not known",
	} {
		r := render(tocsin.Errorf(code, "x"))
		wantError(t, r, 500)
		if !strings.Contains(r.Body, words) {
			t.Errorf("%s is answered %s, want the words %q", code, r.Body, words)
		}
	}
}

func TestTextOfAnErrorWithoutACodeNeverLeaves(t *testing.T) {
	t.Parallel()
	const secret = "postgres://tocsin:hunter2@db/tocsin"
	coded := tocsin.Errorf(tocsin.Conflict, "that name is taken")
	for name, tt := range map[string]struct {
		err    error
		status int
	}{
		"plain":                     {errors.New(secret), 500},
		"internal with a message":   {tocsin.Errorf(tocsin.Internal, secret), 500},
		"code unheard of":           {tocsin.Errorf("new", secret), 500},
		"around a coded one":        {fmt.Errorf("%s: %w", secret, coded), 400},
		"below a coded one":         {&tocsin.Error{Code: tocsin.Conflict, Message: "taken", Err: errors.New(secret)}, 400},
		"around another coded type": {fmt.Errorf("%s: %w", secret, &tocsin.TransitionError{From: tocsin.Open, To: tocsin.Closed}), 400},
	} {
		r := render(tt.err)
		dialecttest.WantStatus(t, r, tt.status)
		conformError(t, r)
		if strings.Contains(r.Body, "hunter2") {
			t.Errorf("%s: internal text leaves: %s", name, r.Body)
		}
	}
}

func TestFieldsHaveTheProtocolsNames(t *testing.T) {
	t.Parallel()
	r := render(tocsin.InvalidFields(map[string]string{"lead": "lead must exist", "checks": "checks must exist", "severity": "severity must be good"}))
	want := map[string]string{
		"assignee_id": "assignee_id must be a user of the organization",
		"check_id":    "check_id must be a check of this project",
		"severity":    "severity must be good",
	}
	if diff := cmp.Diff(want, detailsOf(t, r)); diff != "" {
		t.Errorf("the details (-want +got):\n%s", diff)
	}
}

func TestFaultOfOursIsA500(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"error": errors.New("the hunter2 error"), "panic": nil} {
		f := newFixture(t, func(d *dialect.Deps) { d.Incidents = dialecttest.Broken{Incidents: d.Incidents, Err: err} })
		r := f.update(t, f.Incident(t), `{}`)
		wantError(t, r, 500)
		if strings.Contains(r.Body, "hunter2") {
			t.Errorf("%s: internal text leaves: %s", name, r.Body)
		}
		if !strings.Contains(f.Log.String(), "hunter2") {
			t.Errorf("%s: the log does not tell the cause:\n%s", name, f.Log.String())
		}
	}
}
