package uptimeio

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"time"
	"unicode/utf8"

	"tocsin"
	"tocsin/internal/dialect"
	"tocsin/internal/httpkit"
	"tocsin/internal/strictjson"
)

// The lengths, in code points, that are this protocol's own.
const (
	maxTitle = 255
	maxNote  = 500
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

// absent reports whether an optional member is not there, or null.
func (b *body) absent(name string) bool {
	v, ok := b.Get(name)
	return !ok || v.IsNull()
}

// optionalText is text for members that may be null, which means absent.
func (b *body) optionalText(name string) *string {
	if b.absent(name) {
		return nil
	}
	return b.text(name, name+" must be a string")
}

// id reads a member that must be the UUID of something.
func (b *body) id(name string) tocsin.ID {
	problem := name + " must be a UUID"
	s := b.text(name, problem)
	if s == nil {
		return tocsin.ID{}
	}
	id, ok := tocsin.ParseID(*s)
	if !ok || id.IsZero() {
		b.problems[name] = problem
	}
	return id
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
		if utf8.RuneCountInString(*note) > maxNote {
			b.problems["note"] = fmt.Sprintf("note must be at most %d characters", maxNote)
		}
	}
	if !b.absent("assignee_id") {
		id := b.id("assignee_id")
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

// draft reads a new incident of the key's project. An optional member that is
// null counts as absent.
func (b *body) draft(project tocsin.ID) (tocsin.Draft, error) {
	d := tocsin.Draft{Project: project, Source: tocsin.FromManual}
	if s := b.severity(); s != nil {
		d.Severity = *s
	}
	d.Type = b.required("type")
	d.ErrorMessage = b.required("error_message")
	if title := b.optionalText("title"); title != nil {
		d.Title = *title
		if utf8.RuneCountInString(*title) > maxTitle {
			b.problems["title"] = fmt.Sprintf("title must be at most %d characters", maxTitle)
		}
	}
	if !b.absent("check_id") {
		d.Source = tocsin.FromSystem
		d.Checks = []tocsin.ID{b.id("check_id")}
	} else if b.absent("title") {
		b.problems["title"] = "title or check_id is required"
	}
	if source := b.optionalText("source"); source != nil {
		d.Source = tocsin.Source(*source)
	}
	if !b.absent("affected_regions") {
		if regions := b.regions(); regions != nil {
			d.AffectedRegions = *regions
		}
	}
	if v, _ := b.Get("failure_count"); !b.absent("failure_count") {
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
	t, ok := dialect.ParseTime(text)
	if !ok || t.Year() < 2000 || t.Year() > 2100 {
		b.problems[name] = name + " must be a time such as 2026-01-31T12:00:00Z"
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// parseQuery reads the parameters of a list. Filters act on values as this
// protocol shows them.
func parseQuery(p dialect.Parameters) (page int, q tocsin.IncidentQuery, err error) {
	page = p.Number("page", 1, 1, math.MaxInt32)
	q.Limit = p.Number("limit", 20, 1, 100)
	// Beyond what an int32 can number there is no incident, and on 32 bits no int.
	q.Offset = int(min(int64(page-1)*int64(q.Limit), math.MaxInt32))
	q.Statuses, _ = dialect.Parameter(p, "status", statusProblem, func(word string) ([]tocsin.Status, bool) {
		statuses := statusesShownAs(word)
		return statuses, statuses != nil
	})
	if severity, ok := dialect.Parameter(p, "severity", severityProblem, func(word string) (tocsin.Severity, bool) {
		return tocsin.Severity(word), tocsin.Severity(word).Valid()
	}); ok {
		q.Severities = []tocsin.Severity{severity}
	}
	q.Check = p.ID("check_id", &q)
	q.Sort, q.Descending = tocsin.SortCreated, true
	if by, ok := dialect.Parameter(p, "sort_by", sortProblem, sortField); ok {
		q.Sort = by
	}
	if order, ok := dialect.Parameter(p, "sort_order", "sort_order must be one of: asc, desc", func(word string) (string, bool) {
		return word, word == "asc" || word == "desc"
	}); ok {
		q.Descending = order == "desc"
	}
	return page, q, p.Err()
}

const sortProblem = "sort_by must be one of: created_at, updated_at, started_at, resolved_at, severity, status"

// sortField reads what a list can be sorted by here.
func sortField(word string) (tocsin.SortField, bool) {
	switch by := tocsin.SortField(word); by {
	case tocsin.SortCreated, tocsin.SortUpdated, tocsin.SortStarted, tocsin.SortResolved, tocsin.SortSeverity, tocsin.SortStatus:
		return by, true
	default:
		return "", false
	}
}
