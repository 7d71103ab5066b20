package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Severity says how bad an incident is.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical"
	Major    Severity = "major"
	Minor    Severity = "minor"
	Warning  Severity = "warning"
)

// Status is where an incident stands in its lifecycle.
type Status string

// The statuses, in the order of the lifecycle. Closed is the end.
const (
	Open          Status = "open"
	Investigating Status = "investigating"
	Fixing        Status = "fixing"
	Resolved      Status = "resolved"
	Closed        Status = "closed"
)

// Over reports whether the trouble is past.
func (s Status) Over() bool { return s == Resolved || s == Closed }

// Acknowledged reports whether somebody is at work on it.
func (s Status) Acknowledged() bool { return s == Investigating || s == Fixing }

// An Incident is the record of one trouble. What it does not have is empty:
// an id "", a time zero.
type Incident struct {
	ID     string `json:"id"`
	Number int32  `json:"number"`

	Title           string            `json:"title"`
	Description     string            `json:"description"`
	Severity        Severity          `json:"severity"`
	Status          Status            `json:"status"`
	Type            string            `json:"type"`
	Source          string            `json:"source"`
	ErrorMessage    string            `json:"error_message"`
	AffectedRegions []string          `json:"affected_regions"`
	FailureCount    int64             `json:"failure_count"`
	ResolutionNotes string            `json:"resolution_notes"`
	Labels          map[string]string `json:"labels"`
	Links           []Link            `json:"links"`

	ProjectID  string   `json:"project_id"`
	DatasetIDs []string `json:"dataset_ids"`
	CheckID    string   `json:"check_id,omitempty"`
	CheckName  string   `json:"check_name,omitempty"`
	CheckURL   string   `json:"check_url,omitempty"`
	LeadID     string   `json:"lead_id,omitempty"`
	ReporterID string   `json:"reporter_id,omitempty"`

	// StartedAt is when the trouble began, OpenedAt when it was recorded.
	StartedAt      time.Time `json:"started_at,omitzero"`
	OpenedAt       time.Time `json:"opened_at,omitzero"`
	AcknowledgedAt time.Time `json:"acknowledged_at,omitzero"`
	ResolvedAt     time.Time `json:"resolved_at,omitzero"`
	CreatedAt      time.Time `json:"created_at,omitzero"`
	UpdatedAt      time.Time `json:"updated_at,omitzero"`

	Version              int64    `json:"version"`
	AvailableTransitions []Status `json:"available_transitions"`
	// RedactedFields are those that the log could not give back, for an incident
	// as it once was.
	RedactedFields []string `json:"redacted_fields,omitempty"`
}

// ETag returns the entity tag of this version, for IfMatch.
func (i Incident) ETag() string { return ETag(i.ID, i.Version) }

// ETag returns the entity tag of a version of the object with the given id, as
// the server forms it: the last group of the id, and the version.
func ETag(id string, version int64) string {
	return `"` + id[strings.LastIndexByte(id, '-')+1:] + "-" + strconv.FormatInt(version, 10) + `"`
}

// A Link is an address with a title, which may be empty.
type Link struct {
	ID    string `json:"id"`
	URL   string `json:"url"`
	Title string `json:"title"`
}

// A NewLink is what a link begins with.
type NewLink struct {
	URL   string `json:"url"`
	Title string `json:"title,omitempty"`
}

// A Comment is what somebody said about an incident.
type Comment struct {
	ID         string    `json:"id"`
	IncidentID string    `json:"incident_id"`
	AuthorID   string    `json:"author_id,omitempty"`
	Message    string    `json:"message"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
}

// A NewIncident is what an incident begins with. It needs a title, a severity
// and a project or checks.
type NewIncident struct {
	Title           string            `json:"title"`
	Severity        Severity          `json:"severity"`
	ProjectID       string            `json:"project_id,omitempty"`
	CheckIDs        []string          `json:"check_ids,omitempty"`
	Description     string            `json:"description,omitempty"`
	Type            string            `json:"type,omitempty"`
	ErrorMessage    string            `json:"error_message,omitempty"`
	AffectedRegions []string          `json:"affected_regions,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	LeadID          string            `json:"lead_id,omitempty"`
	// StartedAt is when the trouble began; zero is now.
	StartedAt time.Time `json:"started_at,omitzero"`
}

// An IncidentPatch is one change of an incident. What is nil stays as it is;
// an empty text clears.
type IncidentPatch struct {
	Title           *string   `json:"title,omitempty"`
	Description     *string   `json:"description,omitempty"`
	Severity        *Severity `json:"severity,omitempty"`
	Status          *Status   `json:"status,omitempty"`
	ErrorMessage    *string   `json:"error_message,omitempty"`
	ResolutionNotes *string   `json:"resolution_notes,omitempty"`
	// LeadID is the user in charge; empty is nobody.
	LeadID *string `json:"-"`
	// AffectedRegions replaces the list, even by an empty one; AddRegions and
	// RemoveRegions change it. Give one or the others.
	AffectedRegions []string `json:"affected_regions,omitzero"`
	AddRegions      []string `json:"add_regions,omitempty"`
	RemoveRegions   []string `json:"remove_regions,omitempty"`
	// Labels sets those with a value and takes away those with nil.
	Labels map[string]*string `json:"labels,omitempty"`
	// Note is kept in the log with the change.
	Note *string `json:"note,omitempty"`
}

// MarshalJSON writes p as a JSON Merge Patch (RFC 7396).
func (p IncidentPatch) MarshalJSON() ([]byte, error) {
	type plain IncidentPatch
	out := struct {
		plain
		LeadID json.RawMessage `json:"lead_id,omitempty"`
	}{plain: plain(p)}
	if p.LeadID != nil {
		out.LeadID = json.RawMessage("null")
		if *p.LeadID != "" {
			id, err := json.Marshal(*p.LeadID)
			if err != nil {
				return nil, err
			}
			out.LeadID = id
		}
	}
	return json.Marshal(out)
}

// An IncidentQuery selects incidents; what is empty does not narrow.
type IncidentQuery struct {
	Statuses   []Status
	Severities []Severity
	ProjectID  string
	CheckID    string
	DatasetID  string
	// Labels are what an incident must all carry: "key=value", or "key".
	Labels []string
	LeadID string
	Number int32
	// CreatedAfter and CreatedBefore bound the time of creation.
	CreatedAfter, CreatedBefore time.Time
	// Text is in the title, the description or the error message.
	Text string
	// Sort is number, created_at, updated_at, started_at or severity; Order is
	// desc or asc. Empty is number, desc.
	Sort, Order string
	ListOptions
}

func (q IncidentQuery) values() url.Values {
	v := url.Values{}
	for _, s := range q.Statuses {
		v.Add("status", string(s))
	}
	for _, s := range q.Severities {
		v.Add("severity", string(s))
	}
	for _, l := range q.Labels {
		v.Add("label", l)
	}
	setText(v, "project_id", q.ProjectID)
	setText(v, "check_id", q.CheckID)
	setText(v, "dataset_id", q.DatasetID)
	setText(v, "lead_id", q.LeadID)
	setText(v, "text", q.Text)
	setText(v, "sort", q.Sort)
	setText(v, "order", q.Order)
	setTime(v, "created_after", q.CreatedAfter)
	setTime(v, "created_before", q.CreatedBefore)
	if q.Number != 0 {
		v.Set("number", strconv.Itoa(int(q.Number)))
	}
	return v
}

// setTime sets a parameter unless the time is zero.
func setTime(q url.Values, name string, t time.Time) {
	if !t.IsZero() {
		q.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
}

// Incidents is /v1/incidents.
type Incidents struct{ c *Client }

const incidentsPath = "/v1/incidents"

// List returns one part of the incidents that q selects.
func (s *Incidents) List(ctx context.Context, q IncidentQuery, opts ...CallOption) (Page[Incident], error) {
	return page[Incident](ctx, s.c, incidentsPath, q.values(), q.ListOptions, opts)
}

// All goes through the incidents that q selects.
func (s *Incidents) All(ctx context.Context, q IncidentQuery) iter.Seq2[Incident, error] {
	return all(func(cursor string) (Page[Incident], error) {
		q.Cursor = cursor
		return s.List(ctx, q)
	}, q.Cursor)
}

// Get returns an incident.
func (s *Incidents) Get(ctx context.Context, id string, opts ...CallOption) (Incident, error) {
	return get[Incident](ctx, s.c, incidentsPath+segment(id), opts)
}

// GetVersion returns an incident as it was at a version.
func (s *Incidents) GetVersion(ctx context.Context, id string, version int64, opts ...CallOption) (Incident, error) {
	q := url.Values{"version": {strconv.FormatInt(version, 10)}}
	return ask[Incident](ctx, s.c, request{method: http.MethodGet, path: incidentsPath + segment(id), query: q}, nil, opts)
}

// GetAt returns an incident as it was at a time.
func (s *Incidents) GetAt(ctx context.Context, id string, at time.Time, opts ...CallOption) (Incident, error) {
	q := url.Values{}
	setTime(q, "at", at)
	return ask[Incident](ctx, s.c, request{method: http.MethodGet, path: incidentsPath + segment(id), query: q}, nil, opts)
}

// Create opens an incident.
func (s *Incidents) Create(ctx context.Context, n NewIncident, opts ...CallOption) (Incident, error) {
	return post[Incident](ctx, s.c, incidentsPath, n, opts)
}

// Update makes one change of an incident and returns it as it then is.
func (s *Incidents) Update(ctx context.Context, id string, p IncidentPatch, opts ...CallOption) (Incident, error) {
	return patch[Incident](ctx, s.c, incidentsPath+segment(id), p, opts)
}

// A BulkItem is one change among many.
type BulkItem struct {
	ID      string        `json:"id"`
	IfMatch string        `json:"if_match,omitempty"`
	Patch   IncidentPatch `json:"patch"`
}

// A BulkResult is what one of many changes came to: an incident or a problem.
type BulkResult struct {
	ID       string    `json:"id"`
	Status   int       `json:"status"`
	Incident *Incident `json:"incident,omitempty"`
	Problem  *Error    `json:"-"`
}

// UnmarshalJSON reads a result, its problem as the error that it would have
// been alone.
func (r *BulkResult) UnmarshalJSON(text []byte) error {
	type plain BulkResult
	in := struct {
		*plain
		Problem json.RawMessage `json:"problem"`
	}{plain: (*plain)(r)}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	if len(in.Problem) > 0 && string(in.Problem) != "null" {
		header := http.Header{"Content-Type": {"application/problem+json"}}
		r.Problem = problemOf(http.MethodPatch, incidentsPath+segment(r.ID), "", r.Status, header, in.Problem)
	}
	return nil
}

// Bulk makes up to a hundred changes, each by itself: some may succeed and
// others not. The results are in the order of the items.
func (s *Incidents) Bulk(ctx context.Context, items []BulkItem, opts ...CallOption) ([]BulkResult, error) {
	in := struct {
		Items []BulkItem `json:"items"`
	}{items}
	out, err := post[struct {
		Results []BulkResult `json:"results"`
	}](ctx, s.c, incidentsPath+"/bulk", in, opts)
	return out.Results, err
}

// History returns one part of an incident's log entries, newest first.
func (s *Incidents) History(ctx context.Context, id string, o ListOptions, opts ...CallOption) (Page[Entry], error) {
	return page[Entry](ctx, s.c, incidentsPath+segment(id)+"/history", nil, o, opts)
}

// AllHistory goes through an incident's log entries, newest first.
func (s *Incidents) AllHistory(ctx context.Context, id string) iter.Seq2[Entry, error] {
	return all(func(cursor string) (Page[Entry], error) {
		return s.History(ctx, id, ListOptions{Limit: 100, Cursor: cursor})
	}, "")
}

// A Diff is what differs between two versions of an object.
type Diff struct {
	From   int64         `json:"from"`
	To     int64         `json:"to"`
	Fields []FieldChange `json:"fields"`
}

// Diff returns what differs between two versions of an incident.
func (s *Incidents) Diff(ctx context.Context, id string, from, to int64, opts ...CallOption) (Diff, error) {
	q := url.Values{"from": {strconv.FormatInt(from, 10)}, "to": {strconv.FormatInt(to, 10)}}
	return ask[Diff](ctx, s.c, request{method: http.MethodGet, path: incidentsPath + segment(id) + "/diff", query: q}, nil, opts)
}

// Comments returns one part of an incident's comments, oldest first.
func (s *Incidents) Comments(ctx context.Context, id string, o ListOptions, opts ...CallOption) (Page[Comment], error) {
	return page[Comment](ctx, s.c, incidentsPath+segment(id)+"/comments", nil, o, opts)
}

// AllComments goes through an incident's comments, oldest first.
func (s *Incidents) AllComments(ctx context.Context, id string) iter.Seq2[Comment, error] {
	return all(func(cursor string) (Page[Comment], error) {
		return s.Comments(ctx, id, ListOptions{Limit: 100, Cursor: cursor})
	}, "")
}

// Comment says something about an incident.
func (s *Incidents) Comment(ctx context.Context, id, message string, opts ...CallOption) (Comment, error) {
	in := struct {
		Message string `json:"message"`
	}{message}
	return post[Comment](ctx, s.c, incidentsPath+segment(id)+"/comments", in, opts)
}

// Links returns one part of an incident's links.
func (s *Incidents) Links(ctx context.Context, id string, o ListOptions, opts ...CallOption) (Page[Link], error) {
	return page[Link](ctx, s.c, incidentsPath+segment(id)+"/links", nil, o, opts)
}

// AddLink gives an incident a link.
func (s *Incidents) AddLink(ctx context.Context, id string, l NewLink, opts ...CallOption) (Link, error) {
	return post[Link](ctx, s.c, incidentsPath+segment(id)+"/links", l, opts)
}

// RemoveLink takes a link away and returns the incident as it then is.
func (s *Incidents) RemoveLink(ctx context.Context, id, linkID string, opts ...CallOption) (Incident, error) {
	return del[Incident](ctx, s.c, incidentsPath+segment(id)+"/links"+segment(linkID), opts)
}
