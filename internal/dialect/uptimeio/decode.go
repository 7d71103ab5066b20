package uptimeio

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin"
	"tocsin/internal/dialect"
	"tocsin/internal/httpkit"
	"tocsin/internal/strictjson"
)

// A body is a request's JSON object on its way into a command. Its methods
// collect every problem, so that one answer names them all.
type body struct {
	strictjson.Object
	problems map[string]string
}

func readBody(w http.ResponseWriter, r *http.Request) (*body, error) {
	raw, err := httpkit.ReadJSON(w, r, dialect.MaxBody)
	if err != nil {
		return nil, err
	}
	return parseBody(raw)
}

func parseBody(raw []byte) (*body, error) {
	o, err := strictjson.Parse(raw)
	if err != nil {
		reason := "body must be one JSON object"
		var syntax *strictjson.SyntaxError
		if errors.As(err, &syntax) {
			reason = "body must be one JSON object: " + syntax.Reason
		}
		return nil, tocsin.InvalidFields(map[string]string{"body": reason})
	}
	return &body{Object: o, problems: make(map[string]string)}, nil
}

// text reads a member that must be a string if it is there.
func (b *body) text(name, problem string) *string {
	v, ok := b.Get(name)
	if !ok {
		return nil
	}
	s, ok := v.Text()
	if !ok {
		b.problems[name] = problem
		return nil
	}
	return &s
}

// optionalText is text for members that may be null, which means absent.
func (b *body) optionalText(name string) *string {
	if v, ok := b.Get(name); ok && v.IsNull() {
		return nil
	}
	return b.text(name, name+" must be a string")
}

func (b *body) severity() *tocsin.Severity {
	s := b.text("severity", severityProblem)
	if s == nil {
		return nil
	}
	severity := tocsin.Severity(*s)
	if !severity.Valid() {
		b.problems["severity"] = severityProblem
	}
	return &severity
}

const severityProblem = "severity must be one of: critical, major, minor, warning"

func (b *body) regions() *[]string {
	v, ok := b.Get("affected_regions")
	if !ok {
		return nil
	}
	elements, isList := v.List()
	regions := make([]string, 0, len(elements))
	for _, e := range elements {
		s, ok := e.Text()
		isList = isList && ok
		regions = append(regions, s)
	}
	if !isList {
		b.problems["affected_regions"] = "affected_regions must be an array of strings"
		return nil
	}
	return &regions
}

// done adds the command's own problems to those of the wire, which say more,
// and returns the error that all of them make.
func (b *body) done(problems map[string]string) error {
	problems = wireFields(problems)
	maps.Copy(problems, b.problems)
	return tocsin.InvalidFields(problems)
}

// patch reads the seed's update. Unknown members, status among them, are
// ignored; null is a wrong type.
func (b *body) patch() (tocsin.Patch, error) {
	p := tocsin.Patch{
		Severity:        b.severity(),
		ErrorMessage:    b.text("error_message", "error_message must be a string"),
		AffectedRegions: b.regions(),
	}
	return p, b.done(p.Problems())
}

func (b *body) statusPatch() (tocsin.Patch, error) {
	var p tocsin.Patch
	word := b.text("status", statusProblem)
	if word == nil {
		b.problems["status"] = statusProblem
	} else if statuses := statusesShownAs(*word); statuses == nil {
		b.problems["status"] = statusProblem
	} else {
		p.Status = &statuses[0]
	}
	if note := b.optionalText("note"); note != nil {
		p.Note = *note
		if utf8.RuneCountInString(*note) > 500 {
			b.problems["note"] = "note must be at most 500 characters"
		}
	}
	if assignee := b.optionalText("assignee_id"); assignee != nil {
		id, ok := tocsin.ParseID(*assignee)
		if !ok {
			b.problems["assignee_id"] = "assignee_id must be a UUID"
		}
		p.Lead = &id
	}
	return p, b.done(p.Problems())
}

const statusProblem = "status must be one of: open, acknowledged, resolved, closed"

func (b *body) message() (string, error) {
	message := b.text("message", "message must be a string")
	if message == nil {
		if _, there := b.Get("message"); !there {
			b.problems["message"] = "message is required"
		}
		return "", b.done(nil)
	}
	return *message, b.done(tocsin.CommentProblems(*message))
}

// draft reads a new incident of the key's project.
func (b *body) draft(project tocsin.ID) (tocsin.Draft, error) {
	d := tocsin.Draft{Project: project, Source: tocsin.FromManual}
	if s := b.severity(); s != nil {
		d.Severity = *s
	}
	d.Type = b.required("type")
	d.ErrorMessage = b.required("error_message")
	title := b.optionalText("title")
	if title != nil {
		d.Title = *title
		if utf8.RuneCountInString(*title) > 255 {
			b.problems["title"] = "title must be at most 255 characters"
		}
	}
	if check := b.optionalText("check_id"); check != nil {
		d.Source = tocsin.FromSystem
		id, ok := tocsin.ParseID(*check)
		if !ok {
			b.problems["check_id"] = "check_id must be a UUID"
		}
		d.Checks = []tocsin.ID{id}
	} else if title == nil {
		b.problems["title"] = "title or check_id is required"
	}
	if source := b.optionalText("source"); source != nil {
		d.Source = tocsin.Source(*source)
	}
	if regions := b.regions(); regions != nil {
		d.AffectedRegions = *regions
	}
	if v, ok := b.Get("failure_count"); ok && !v.IsNull() {
		n, whole := v.Int()
		if !whole {
			b.problems["failure_count"] = "failure_count must be a whole number"
		}
		d.FailureCount = n
	}
	if at := b.optionalText("started_at"); at != nil {
		d.StartedAt = b.time("started_at", *at)
	}
	return d, b.done(d.Problems())
}

// required reads a string that must be there and hold something.
func (b *body) required(name string) string {
	if s := b.text(name, name+" must be a string"); s != nil {
		if *s == "" {
			b.problems[name] = name + " must not be empty"
		}
		return *s
	}
	if _, wrong := b.problems[name]; !wrong {
		b.problems[name] = name + " is required"
	}
	return ""
}

// time reads an ISO-8601 time with its offset, in the years 2000 to 2100.
func (b *body) time(name, text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || strings.Contains(text, ",") || t.Year() < 2000 || t.Year() > 2100 {
		b.problems[name] = name + " must be a time such as 2026-01-31T12:00:00Z"
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// parseQuery reads the parameters of a list; unknown ones are ignored.
func parseQuery(v url.Values) (q tocsin.IncidentQuery, page int, err error) {
	problems := make(map[string]string)
	page = intParameter(v, problems, "page", 1, 1, 1<<31-1)
	q.Limit = intParameter(v, problems, "limit", 20, 1, 100)
	q.Offset = (page - 1) * q.Limit
	if v.Has("status") {
		if q.Statuses = statusesShownAs(v.Get("status")); q.Statuses == nil {
			problems["status"] = statusProblem
		}
	}
	if v.Has("severity") {
		severity := tocsin.Severity(v.Get("severity"))
		if q.Severities = []tocsin.Severity{severity}; !severity.Valid() {
			problems["severity"] = severityProblem
		}
	}
	if v.Has("check_id") {
		var ok bool
		if q.Check, ok = tocsin.ParseID(v.Get("check_id")); !ok || q.Check.IsZero() {
			problems["check_id"] = "check_id must be a UUID"
		}
	}
	q.Sort, q.Descending = tocsin.SortCreated, true
	sortable := []tocsin.SortField{tocsin.SortCreated, tocsin.SortUpdated, tocsin.SortStarted, tocsin.SortResolved, tocsin.SortSeverity, tocsin.SortStatus}
	if by := tocsin.SortField(v.Get("sort_by")); v.Has("sort_by") {
		if q.Sort = by; !slices.Contains(sortable, by) {
			problems["sort_by"] = "sort_by must be one of: created_at, updated_at, started_at, resolved_at, severity, status"
		}
	}
	switch order := v.Get("sort_order"); {
	case order == "asc":
		q.Descending = false
	case order != "desc" && v.Has("sort_order"):
		problems["sort_order"] = "sort_order must be one of: asc, desc"
	}
	return q, page, tocsin.InvalidFields(problems)
}

func parseUpdatesLimit(v url.Values) (int, error) {
	problems := make(map[string]string)
	limit := intParameter(v, problems, "limit", 0, 1, 1<<31-1)
	return limit, tocsin.InvalidFields(problems)
}

// intParameter reads a whole number between least and most.
func intParameter(v url.Values, problems map[string]string, name string, absent, least, most int) int {
	if !v.Has(name) {
		return absent
	}
	n, err := strconv.Atoi(v.Get(name))
	if err != nil || n < least || n > most || strings.HasPrefix(v.Get(name), "+") {
		problems[name] = fmt.Sprintf("%s must be a whole number from %d to %d", name, least, most)
		return absent
	}
	return n
}
