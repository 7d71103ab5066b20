package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tocsin"
)

// Severity is a tocsin.Severity on the wire.
type Severity string

// Schema lists the severities.
func (Severity) Schema(huma.Registry) *huma.Schema { return oneOf(tocsin.Severities()) }

// Status is a tocsin.Status on the wire.
type Status string

// Schema lists the statuses.
func (Status) Schema(huma.Registry) *huma.Schema { return oneOf(tocsin.Statuses()) }

// Cause is what can be wrong with what a check watches.
type Cause string

// Schema lists the causes.
func (Cause) Schema(huma.Registry) *huma.Schema { return oneOf(tocsin.Types()) }

// Link is a tocsin.Link on the wire.
type Link struct {
	ID    ID     `json:"id"`
	URL   string `json:"url" format:"uri"`
	Title string `json:"title" doc:"What it leads to; may be empty."`
}

// Incident is a tocsin.Incident on the wire.
type Incident struct {
	ID              ID                `json:"id"`
	Number          int32             `json:"number" doc:"Counts the organisation's incidents from 1 and is never used again."`
	Title           string            `json:"title"`
	Description     string            `json:"description"`
	Severity        Severity          `json:"severity"`
	Status          Status            `json:"status"`
	Type            string            `json:"type" doc:"What was wrong with what a check watches; empty for anything else."`
	Source          string            `json:"source" enum:"system,manual" doc:"How the incident arose."`
	ErrorMessage    string            `json:"error_message"`
	AffectedRegions []string          `json:"affected_regions" nullable:"false"`
	FailureCount    int64             `json:"failure_count" doc:"How often the check failed."`
	ResolutionNotes string            `json:"resolution_notes"`
	Labels          map[string]string `json:"labels"`
	Links           []Link            `json:"links" nullable:"false"`
	ProjectID       ID                `json:"project_id"`
	DatasetIDs      []ID              `json:"dataset_ids" nullable:"false"`
	CheckID         ID                `json:"check_id" nullable:"true" doc:"The check that noticed it; null for none."`
	CheckName       string            `json:"check_name" doc:"Its name then."`
	CheckURL        string            `json:"check_url" doc:"Its URL then."`
	LeadID          ID                `json:"lead_id" nullable:"true" doc:"The user in charge."`
	ReporterID      ID                `json:"reporter_id" nullable:"true" doc:"The user who opened it."`
	StartedAt       Time              `json:"started_at" doc:"When the trouble began."`
	OpenedAt        Time              `json:"opened_at" doc:"When it was recorded."`
	AcknowledgedAt  Time              `json:"acknowledged_at" nullable:"true" doc:"When work began."`
	ResolvedAt      Time              `json:"resolved_at" nullable:"true"`
	CreatedAt       Time              `json:"created_at"`
	UpdatedAt       Time              `json:"updated_at"`
	Version         int64             `json:"version" doc:"Counts the changes, from 1."`
	Transitions     []Status          `json:"available_transitions" nullable:"false" doc:"The statuses that may follow."`
	RedactedFields  []string          `json:"redacted_fields,omitempty" nullable:"false" doc:"With version or at: the fields whose values then were erased from the log."`
}

func showIncident(i *tocsin.Incident) Incident {
	w := Incident{
		ID: ID(i.ID), Number: i.Number, Title: i.Title, Description: i.Description,
		Severity: Severity(i.Severity), Status: Status(i.Status), Type: i.Type, Source: string(i.Source),
		ErrorMessage: i.ErrorMessage, AffectedRegions: notNil(i.AffectedRegions), FailureCount: i.FailureCount,
		ResolutionNotes: i.ResolutionNotes, Labels: i.Labels, Links: make([]Link, len(i.Links)),
		ProjectID: ID(i.Project), DatasetIDs: toIDs(i.Datasets),
		CheckID: ID(i.Check), CheckName: i.CheckName, CheckURL: i.CheckURL,
		LeadID: ID(i.Lead), ReporterID: ID(i.Reporter),
		StartedAt: Time(i.StartedAt), OpenedAt: Time(i.OpenedAt),
		AcknowledgedAt: Time(i.AcknowledgedAt), ResolvedAt: Time(i.ResolvedAt),
		CreatedAt: Time(i.CreatedAt), UpdatedAt: Time(i.UpdatedAt),
		Version: i.Version, Transitions: []Status{},
	}
	if w.Labels == nil {
		w.Labels = map[string]string{}
	}
	for n, l := range i.Links {
		w.Links[n] = showLink(l)
	}
	for _, s := range tocsin.Transitions(i.Status) {
		w.Transitions = append(w.Transitions, Status(s))
	}
	return w
}

func showLink(l tocsin.Link) Link { return Link{ID: ID(l.ID), URL: l.URL, Title: l.Title} }

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Region is the name of a region, on the wire.
type Region string

// Schema bounds it.
func (Region) Schema(huma.Registry) *huma.Schema { return shortText(1, tocsin.MaxRegionName) }

// Labels are an incident's labels, on the wire.
type Labels map[string]string

// Schema bounds their number, their keys and their values.
func (Labels) Schema(huma.Registry) *huma.Schema { return labelled(shortText(0, tocsin.MaxName)) }

// LabelPatch sets labels and, by null, takes them away, on the wire.
type LabelPatch map[string]*string

// Schema bounds what Labels does.
func (LabelPatch) Schema(huma.Registry) *huma.Schema {
	value := shortText(0, tocsin.MaxName)
	value.Nullable = true
	return labelled(value)
}

// labelKey says what tocsin.ValidLabelKey does.
const labelKey = `^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$`

// labelled describes labels with such values.
func labelled(value *huma.Schema) *huma.Schema {
	most := tocsin.MaxLabels
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: value, MaxProperties: &most,
		Extensions: map[string]any{propertyNames: map[string]any{
			"pattern": labelKey, "description": "1 to 63 characters a-z, 0-9, '.', '_', '/' and '-', the first and the last a letter or digit",
		}},
	}
}

func shortText(least, most int) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, MaxLength: &most}
	if least > 0 {
		s.MinLength = &least
	}
	return s
}

// IncidentDraft is what a new incident begins with, on the wire.
type IncidentDraft struct {
	Title           string   `json:"title" minLength:"1" maxLength:"500"`
	Severity        Severity `json:"severity"`
	ProjectID       ID       `json:"project_id,omitempty" doc:"The project that it belongs to. Needed unless check_ids is there."`
	CheckIDs        []ID     `json:"check_ids,omitempty" nullable:"false" minItems:"1" maxItems:"1000" uniqueItems:"true" doc:"The checks that it is of, all in one project. The first names it."`
	Description     string   `json:"description,omitempty" format:"multiline" maxLength:"10000"`
	ErrorMessage    string   `json:"error_message,omitempty" format:"multiline" maxLength:"1000"`
	AffectedRegions []Region `json:"affected_regions,omitempty" nullable:"false" maxItems:"100"`
	Labels          Labels   `json:"labels,omitempty" doc:"What sorts it for its owners: a team, a service."`
	LeadID          ID       `json:"lead_id,omitempty" doc:"The user in charge."`
	StartedAt       Time     `json:"started_at,omitempty" doc:"When the trouble began; now, if it is not there or lies ahead."`
	Type            Cause    `json:"type,omitempty" doc:"What is wrong."`
}

func (d IncidentDraft) draft() tocsin.Draft {
	return tocsin.Draft{
		Project: tocsin.ID(d.ProjectID), Checks: fromIDs(d.CheckIDs), Title: d.Title, Description: d.Description,
		Severity: tocsin.Severity(d.Severity), Type: string(d.Type), Source: tocsin.FromManual,
		ErrorMessage: d.ErrorMessage, AffectedRegions: texts(d.AffectedRegions), Labels: d.Labels,
		Lead: tocsin.ID(d.LeadID), StartedAt: time.Time(d.StartedAt),
	}
}

// IncidentPatch says what to change in an incident, on the wire (RFC 7396).
type IncidentPatch struct {
	Title           Optional[string]     `json:"title,omitzero" minLength:"1" maxLength:"500"`
	Description     Optional[string]     `json:"description,omitzero" nullable:"true" format:"multiline" maxLength:"10000"`
	Severity        Optional[Severity]   `json:"severity,omitzero"`
	Status          Optional[Status]     `json:"status,omitzero" doc:"One of available_transitions, or the present one."`
	ErrorMessage    Optional[string]     `json:"error_message,omitzero" nullable:"true" format:"multiline" maxLength:"1000"`
	AffectedRegions Optional[[]Region]   `json:"affected_regions,omitzero" maxItems:"100" doc:"The whole list. Does not go with add_regions and remove_regions."`
	AddRegions      []Region             `json:"add_regions,omitempty" nullable:"false" maxItems:"100"`
	RemoveRegions   []Region             `json:"remove_regions,omitempty" nullable:"false" maxItems:"100"`
	ResolutionNotes Optional[string]     `json:"resolution_notes,omitzero" nullable:"true" format:"multiline" maxLength:"10000"`
	Labels          Optional[LabelPatch] `json:"labels,omitzero" doc:"Sets those named, and takes away those that are null."`
	LeadID          Optional[ID]         `json:"lead_id,omitzero" nullable:"true" doc:"The user in charge; null for nobody."`
	Note            string               `json:"note,omitempty" format:"multiline" maxLength:"1000" doc:"Kept in the history with the change, if there is one."`
}

func (p IncidentPatch) patch() tocsin.Patch {
	out := tocsin.Patch{
		Title: p.Title.pointer(), Description: p.Description.pointer(),
		Severity:     convert(p.Severity, func(s Severity) tocsin.Severity { return tocsin.Severity(s) }),
		Status:       convert(p.Status, func(s Status) tocsin.Status { return tocsin.Status(s) }),
		ErrorMessage: p.ErrorMessage.pointer(), AffectedRegions: convert(p.AffectedRegions, texts[Region]),
		AddRegions: texts(p.AddRegions), RemoveRegions: texts(p.RemoveRegions),
		ResolutionNotes: p.ResolutionNotes.pointer(), Labels: p.Labels.Value,
		Lead: convert(p.LeadID, func(id ID) tocsin.ID { return tocsin.ID(id) }), Note: p.Note,
	}
	return out
}

// Entry is a tocsin.Entry on the wire.
type Entry struct {
	Seq       int64    `json:"seq" doc:"Its place in the organisation's log."`
	ID        ID       `json:"id"`
	Action    string   `json:"action" doc:"What happened, as in incident.update."`
	Kind      string   `json:"kind" doc:"What sort of object it happened to."`
	ObjectID  ID       `json:"object_id"`
	Version   int64    `json:"version" doc:"The object's version that it made."`
	At        Time     `json:"at"`
	Actor     Doer     `json:"actor"`
	Door      string   `json:"door" doc:"The way in: api, the name of a dialect, cli."`
	RequestID string   `json:"request_id"`
	Address   string   `json:"address" doc:"Where the request came from."`
	UserAgent string   `json:"user_agent"`
	Note      string   `json:"note" doc:"What the actor said about the change."`
	Fields    []Change `json:"fields" nullable:"false" doc:"What changed. Without values once they were erased."`
	Redacted  bool     `json:"redacted" doc:"Its values were erased from the log."`
	Leaf      string   `json:"leaf" doc:"Its leaf hash (RFC 6962), as in Audit-Leaf."`
}

// Doer is who did something, on the wire.
type Doer struct {
	Type     string `json:"type" enum:"user,api_key,integration,check,system"`
	UserID   *ID    `json:"user_id,omitempty" nullable:"false"`
	APIKeyID *ID    `json:"api_key_id,omitempty" nullable:"false"`
	Name     string `json:"name,omitempty" doc:"The user's name as it is now."`
}

// Change is a tocsin.FieldChange on the wire.
type Change struct {
	Name string     `json:"name"`
	Old  FieldValue `json:"old" doc:"Null where the object or its value was not there."`
	New  FieldValue `json:"new" doc:"Null where the value is not there, or was erased."`
}

// FieldValue is the value of a field of any object.
type FieldValue struct{ value any }

// MarshalJSON writes the value as it is.
func (v FieldValue) MarshalJSON() ([]byte, error) { return encode(v.value) }

// Schema lists what it can be.
func (FieldValue) Schema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{AnyOf: []*huma.Schema{
		{Type: huma.TypeString, Nullable: true}, {Type: huma.TypeInteger}, {Type: huma.TypeBoolean}, {Type: huma.TypeArray, Items: text},
	}}
}

// hiddenField is a field that no answer shows: the hash of a secret.
const hiddenField = "secret_sha256"

// showChanges shows the changes of fields; created says that there was nothing
// before.
func showChanges(changes []tocsin.FieldChange, created bool) []Change {
	out := make([]Change, 0, len(changes))
	for _, c := range changes {
		if c.Name == hiddenField {
			continue
		}
		w := showChange(c.Name, c.Old, c.New)
		if created {
			w.Old = FieldValue{}
		}
		out = append(out, w)
	}
	return out
}

func showChange(name string, from, to tocsin.Value) Change {
	return Change{Name: name, Old: FieldValue{anyOf(name, from)}, New: FieldValue{anyOf(name, to)}}
}

// anyOf returns a field's value for JSON: a list is never null, and an id or a
// time that is not there, which the log has as an empty text, always.
func anyOf(name string, v tocsin.Value) any {
	switch x := v.Any().(type) {
	case []string:
		return notNil(x)
	case string:
		if x == "" && (strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_at")) {
			return nil
		}
		return x
	default:
		return x
	}
}

func showEntry(e tocsin.Entry) Entry {
	w := Entry{
		Seq: e.Seq, ID: ID(e.ID), Action: e.Action, Kind: string(e.Kind), ObjectID: ID(e.Object), Version: e.Version, At: Time(e.At),
		Actor: showDoer(e), Door: e.Door, RequestID: e.Request, Address: e.Address, UserAgent: e.Agent, Note: e.Note,
		Fields: showChanges(e.Changes, e.Version == 1), Redacted: e.Redacted, Leaf: hexOf(e.Leaf),
	}
	if e.Redacted {
		for _, name := range e.Fields {
			if name != hiddenField {
				w.Fields = append(w.Fields, Change{Name: name})
			}
		}
	}
	return w
}

func showDoer(e tocsin.Entry) Doer {
	d := Doer{Type: string(e.Actor)}
	if !e.User.IsZero() {
		id := ID(e.User)
		d.UserID = &id
	}
	if !e.Key.IsZero() {
		id := ID(e.Key)
		d.APIKeyID = &id
		if e.Actor == tocsin.ActorUser {
			d.Type = "api_key"
		}
	}
	return d
}

// nameDoers gives the users among the actors of entries their present names.
func (c *core) nameDoers(ctx context.Context, call *Call, entries []Entry) error {
	names := make(map[ID]string)
	for i := range entries {
		id := entries[i].Actor.UserID
		if id == nil {
			continue
		}
		name, known := names[*id]
		if !known {
			user, err := c.Directory.User(ctx, call.Actor, tocsin.ID(*id))
			if err != nil && tocsin.CodeOf(err) != tocsin.NotFound {
				return err
			}
			if err == nil {
				name = user.Name
			}
			names[*id] = name
		}
		entries[i].Actor.Name = name
	}
	return nil
}

// withoutOrigin takes from entries where their requests came from.
func withoutOrigin(entries []Entry) {
	for i := range entries {
		entries[i].Address, entries[i].UserAgent = "", ""
	}
}

// moved returns the names of the fields that changed after a version, sorted.
func moved(entries []tocsin.Entry, since int64) []string {
	out := []string{}
	for _, e := range entries {
		for _, name := range e.Fields {
			if e.Version > since && name != hiddenField && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}
