package uptimeio_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/dialect/dialecttest"
)

// The protocol's schemas, restated: what the server may send and nothing else.

type envelope[T any] struct {
	Success bool `json:"success"`
	Data    T    `json:"data"`
}

type errorEnvelope[T any] struct {
	Success bool `json:"success"`
	Error   struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Details T      `json:"details"`
	} `json:"error"`
}

type transition struct {
	FromStatus       string   `json:"fromStatus"`
	ToStatus         string   `json:"toStatus"`
	ValidTransitions []string `json:"validTransitions"`
}

type incidentData struct {
	Incident            incidentBody `json:"incident"`
	RecoveryTimeSeconds *int64       `json:"recovery_time_seconds"`
}

type incidentBody struct {
	ID               string   `json:"id"`
	CheckID          *string  `json:"check_id"`
	CheckName        *string  `json:"check_name"`
	CheckURL         *string  `json:"check_url"`
	Status           string   `json:"status"`
	Severity         string   `json:"severity"`
	Type             string   `json:"type"`
	Title            string   `json:"title"`
	ErrorMessage     string   `json:"error_message"`
	StartedAt        int64    `json:"started_at"`
	ResolvedAt       *int64   `json:"resolved_at"`
	AffectedRegions  []string `json:"affected_regions"`
	FailureCount     int64    `json:"failure_count"`
	NotificationSent bool     `json:"notification_sent"`
	CreatedAt        int64    `json:"created_at"`
	UpdatedAt        int64    `json:"updated_at"`
	AcknowledgedAt   *int64   `json:"acknowledged_at"`
}

// incidentMembers are those that an incident always has.
func incidentMembers() []string {
	return []string{
		"id", "check_id", "check_name", "check_url", "status", "severity", "type", "title", "error_message", "started_at",
		"resolved_at", "affected_regions", "failure_count", "notification_sent", "created_at", "updated_at",
	}
}

type listBody struct {
	Incidents  []incidentBody `json:"incidents"`
	Pagination pagination     `json:"pagination"`
}

type pagination struct {
	Page       int `json:"page"`
	Limit      int `json:"limit"`
	Total      int `json:"total"`
	TotalPages int `json:"total_pages"`
}

type rowBody struct {
	ID         string            `json:"id"`
	IncidentID string            `json:"incident_id"`
	Action     string            `json:"action"`
	UserID     *string           `json:"user_id"`
	UserEmail  *string           `json:"user_email"`
	UserName   *string           `json:"user_name"`
	Message    *string           `json:"message"`
	OldValue   *string           `json:"old_value"`
	NewValue   *string           `json:"new_value"`
	CreatedAt  string            `json:"created_at"`
	Metadata   map[string]string `json:"metadata"`
}

func rowMembers() []string {
	return []string{
		"id", "incident_id", "action", "user_id", "user_email", "user_name", "message", "old_value", "new_value", "created_at", "metadata",
	}
}

// actions are what a row may be called.
func actions() []string {
	return []string{
		"created", "status_changed", "severity_changed", "assigned", "acknowledged", "resolved", "closed", "reopened", "updated", "comment_added",
	}
}

// errorCodes lists the codes, by status, that the protocol has.
func errorCodes() map[int]string {
	return map[int]string{
		400: "VALIDATION_ERROR", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND",
		405: "METHOD_NOT_ALLOWED", 429: "RATE_LIMITED", 500: "INTERNAL_ERROR",
	}
}

// conform fails unless a reply is one that the protocol has.
func conform(t testing.TB, c dialecttest.Call, r dialecttest.Reply) {
	t.Helper()
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("%s %s: Content-Type %q, want application/json", c.Method, c.Path, got)
	}
	if r.Header.Get("X-Request-Id") == "" {
		t.Errorf("%s %s: no X-Request-Id", c.Method, c.Path)
	}
	challenge := r.Header.Get("WWW-Authenticate")
	if want := `ApiKey realm="Tocsin"`; (r.Status == 401) != (challenge == want) {
		t.Errorf("%s %s: status %d with WWW-Authenticate %q; a 401, and nothing else, has %q", c.Method, c.Path, r.Status, challenge, want)
	}
	if seconds, err := strconv.Atoi(r.Header.Get("Retry-After")); r.Status == 429 && (err != nil || seconds < 1) {
		t.Errorf("%s %s: 429 with Retry-After %q, want a whole number of seconds from 1", c.Method, c.Path, r.Header.Get("Retry-After"))
	}
	path, _, _ := strings.Cut(c.Path, "?")
	switch {
	case c.Method == "HEAD":
	case r.Status >= 300:
		conformError(t, r)
	default:
		data := dialecttest.Members(t, r.Body, "success", "data")
		if string(data["success"]) != "true" {
			t.Errorf("%s %s: %d with success %s", c.Method, c.Path, r.Status, data["success"])
		}
		conformData(t, c.Method, path, string(data["data"]))
	}
}

func conformError(t testing.TB, r dialecttest.Reply) {
	t.Helper()
	dialecttest.Members(t, r.Body, "success", "error")
	e := dialecttest.Decode[errorEnvelope[json.RawMessage]](t, r.Body)
	if want, ok := errorCodes()[r.Status]; !ok || e.Success || e.Error.Code != want || e.Error.Message == "" {
		t.Errorf("status %d with %s: the protocol has no such error", r.Status, r.Body)
	}
	if len(e.Error.Details) == 0 || e.Error.Details[0] != '{' {
		t.Errorf("the details are not an object: %s", r.Body)
	}
}

func conformData(t testing.TB, method, path, data string) {
	t.Helper()
	switch {
	case path == "/api/incidents" && method == "GET":
		list := dialecttest.Members(t, data, "incidents", "pagination")
		for _, item := range conformList(t, string(list["incidents"])) {
			conformIncident(t, item)
		}
		dialecttest.Members(t, string(list["pagination"]), "page", "limit", "total", "total_pages")
	case strings.HasSuffix(path, "/acknowledge"):
		both := dialecttest.Members(t, data, "incident", "recovery_time_seconds")
		conformIncident(t, string(both["incident"]), "acknowledged_at")
	case strings.HasSuffix(path, "/updates") && method == "GET":
		for _, row := range conformList(t, data) {
			conformRow(t, row)
		}
	case strings.HasSuffix(path, "/updates"):
		conformRow(t, data)
	default:
		conformIncident(t, string(dialecttest.Members(t, data, "incident")["incident"]))
	}
}

// conformList fails unless the text is a list, an empty one at the least.
func conformList(t testing.TB, text string) []string {
	t.Helper()
	var items []json.RawMessage
	if err := json.Unmarshal([]byte(text), &items); err != nil || items == nil {
		t.Errorf("not a list: %s", text)
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = string(item)
	}
	return texts
}

func conformIncident(t testing.TB, text string, more ...string) {
	t.Helper()
	members := dialecttest.Members(t, text, append(incidentMembers(), more...)...)
	for name, value := range members {
		nullable := slices.Contains([]string{"check_id", "check_name", "check_url", "resolved_at"}, name)
		if string(value) == "null" && !nullable {
			t.Errorf("member %s is null: %s", name, text)
		}
	}
	i := dialecttest.Decode[incidentBody](t, text)
	if id, ok := tocsin.ParseID(i.ID); !ok || id.String() != i.ID {
		t.Errorf("id %q is not a UUID in lower case", i.ID)
	}
	if !slices.Contains([]string{"critical", "major", "minor", "warning"}, i.Severity) {
		t.Errorf("the protocol has no severity %q", i.Severity)
	}
	if !slices.Contains([]string{"open", "acknowledged", "resolved", "closed"}, i.Status) {
		t.Errorf("the protocol has no status %q", i.Status)
	}
	if over := i.Status == "resolved" || i.Status == "closed"; over != (i.ResolvedAt != nil) {
		t.Errorf("status %s with resolved_at %s", i.Status, members["resolved_at"])
	}
	if (i.CheckID == nil) != (i.CheckName == nil) || (i.CheckID == nil) != (i.CheckURL == nil) {
		t.Errorf("the incident has half a check: %s", text)
	}
	if i.UpdatedAt < i.CreatedAt || i.StartedAt > i.CreatedAt {
		t.Errorf("started %d, created %d, updated %d: not in order", i.StartedAt, i.CreatedAt, i.UpdatedAt)
	}
}

func conformRow(t testing.TB, text string) {
	t.Helper()
	dialecttest.Members(t, text, rowMembers()...)
	row := dialecttest.Decode[rowBody](t, text)
	for name, id := range map[string]string{"id": row.ID, "incident_id": row.IncidentID} {
		if parsed, ok := tocsin.ParseID(id); !ok || parsed.String() != id {
			t.Errorf("%s %q is not a UUID in lower case", name, id)
		}
	}
	if !slices.Contains(actions(), row.Action) {
		t.Errorf("the protocol has no action %q", row.Action)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000Z", row.CreatedAt); err != nil {
		t.Errorf("created_at %q is not an ISO 8601 time with milliseconds and Z", row.CreatedAt)
	}
	if row.Metadata == nil {
		t.Errorf("metadata is not an object: %s", text)
	}
	if (row.UserID == nil) != (row.UserEmail == nil) || (row.UserID == nil) != (row.UserName == nil) {
		t.Errorf("the row has half a user: %s", text)
	}
}
