package tocsin

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Rules are what a door adds to the house's own rules. Every function is pure,
// and one left nil adds nothing.
type Rules struct {
	// ShowStatus and ShowSeverity say how the door shows a value. Writing back
	// what it shows for the present one is no change.
	ShowStatus   func(Status) Status
	ShowSeverity func(Severity) Severity
	// Moves lists the statuses that may follow one; any other is refused with a
	// *TransitionError, staying included.
	Moves func(from Status) []Status
	// Final says which statuses end all change.
	Final func(Status) bool
}

// A Patch says what to change: a nil field is kept.
type Patch struct {
	Title           *string
	Description     *string
	Severity        *Severity
	Status          *Status
	ErrorMessage    *string
	AffectedRegions *[]string
	// AddRegions and RemoveRegions change the list of affected regions as a set;
	// they do not go with AffectedRegions.
	AddRegions, RemoveRegions []string
	ResolutionNotes           *string
	// Labels sets those named, and takes away those that are nil.
	Labels map[string]*string
	// AddLinks are put behind the others; one with a known ID takes its place.
	// RemoveLinks are taken away; those that are not there are passed over.
	AddLinks    []Link
	RemoveLinks []ID
	// Lead is the user in charge, zero for nobody.
	Lead *ID
	// Note is kept with the change, if there is one.
	Note string
}

// Problems names each bad field with what is wrong with it.
func (p Patch) Problems() map[string]string {
	problems := make(map[string]string)
	given := func(name string, text *string, least, most int) {
		if text != nil {
			set(problems, name, textProblem(name, *text, least, most))
		}
	}
	if p.Title != nil {
		set(problems, "title", titleProblem(*p.Title))
	}
	given("description", p.Description, 0, unlimited)
	if p.Severity != nil && !p.Severity.Valid() {
		problems["severity"] = severityProblem
	}
	if p.Status != nil && !p.Status.Valid() {
		problems["status"] = oneOf("status", Statuses())
	}
	given("error_message", p.ErrorMessage, 0, MaxErrorMessage)
	if p.AffectedRegions != nil {
		set(problems, "affected_regions", regionsProblem("affected_regions", *p.AffectedRegions))
	}
	if len(p.AddRegions)+len(p.RemoveRegions) > 0 && p.AffectedRegions != nil {
		problems["affected_regions"] = "affected_regions does not go with add_regions and remove_regions"
	}
	set(problems, "add_regions", regionsProblem("add_regions", p.AddRegions))
	set(problems, "remove_regions", regionsProblem("remove_regions", p.RemoveRegions))
	for key, value := range p.Labels {
		set(problems, "labels", labelProblem(key, value))
	}
	for _, l := range p.AddLinks {
		set(problems, "links", linkProblem(l))
	}
	given("resolution_notes", p.ResolutionNotes, 0, unlimited)
	given("note", &p.Note, 0, MaxNote)
	return problems
}

// Apply returns a copy of cur with the patch applied: a pure rule that every door
// goes through.
func (p Patch) Apply(cur *Incident, rules Rules, now time.Time) (*Incident, error) {
	next := *cur
	if p.Severity != nil && !shownEqual(rules.ShowSeverity, cur.Severity, *p.Severity) {
		next.Severity = *p.Severity
	}
	if p.Status != nil {
		if rules.Moves != nil {
			if allowed := rules.Moves(cur.Status); !slices.Contains(allowed, *p.Status) {
				return nil, &TransitionError{From: cur.Status, To: *p.Status, Allowed: allowed}
			}
		}
		if !shownEqual(rules.ShowStatus, cur.Status, *p.Status) {
			next.MoveTo(*p.Status, now)
		}
	}
	assign(&next.Title, p.Title)
	assign(&next.Description, p.Description)
	assign(&next.ErrorMessage, p.ErrorMessage)
	assign(&next.AffectedRegions, p.AffectedRegions)
	assign(&next.ResolutionNotes, p.ResolutionNotes)
	assign(&next.Lead, p.Lead)
	if err := p.applySets(&next); err != nil {
		return nil, err
	}
	if rules.Final != nil && rules.Final(cur.Status) {
		if _, changed := Diff(Fields(cur), Fields(&next)); len(changed) > 0 {
			return nil, Errorf(Conflict, "a %s incident cannot be changed", cur.Status)
		}
	}
	return &next, nil
}

// applySets applies what changes members of a list or a map. It makes new ones:
// those of the incident are shared.
func (p Patch) applySets(next *Incident) error {
	if len(p.AddRegions)+len(p.RemoveRegions) > 0 {
		var regions []string
		for _, r := range slices.Concat(next.AffectedRegions, p.AddRegions) {
			if !slices.Contains(p.RemoveRegions, r) && !slices.Contains(regions, r) {
				regions = append(regions, r)
			}
		}
		next.AffectedRegions = regions
	}
	if len(p.Labels) > 0 {
		labels := make(map[string]string, len(next.Labels)+len(p.Labels))
		maps.Copy(labels, next.Labels)
		for key, value := range p.Labels {
			if delete(labels, key); value != nil {
				labels[key] = *value
			}
		}
		next.Labels = labels
	}
	if len(p.AddLinks)+len(p.RemoveLinks) > 0 {
		var links []Link
		for _, l := range next.Links {
			if !slices.Contains(p.RemoveLinks, l.ID) {
				links = append(links, l)
			}
		}
		for _, l := range p.AddLinks {
			if at := slices.IndexFunc(links, func(have Link) bool { return have.ID == l.ID }); at >= 0 {
				links[at] = l
			} else {
				links = append(links, l)
			}
		}
		next.Links = links
	}
	problems := make(map[string]string)
	set(problems, "add_regions", regionsProblem("affected_regions", next.AffectedRegions))
	if len(next.Labels) > MaxLabels {
		problems["labels"] = fmt.Sprintf("an incident has at most %d labels", MaxLabels)
	}
	if len(next.Links) > MaxLinks {
		problems["links"] = fmt.Sprintf("an incident has at most %d links", MaxLinks)
	}
	return InvalidFields(problems)
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// shownEqual reports whether a door shows two values alike.
func shownEqual[T comparable](show func(T) T, a, b T) bool {
	return a == b || show != nil && show(a) == show(b)
}

// Types are what can be wrong with what a check watches.
func Types() []string {
	return []string{"timeout", "status_code", "keyword_missing", "ssl_error", "dns_error", "connection_error", "slow_response"}
}

// A Draft is what a new incident begins with.
type Draft struct {
	// Project is where it belongs when no check says so.
	Project ID
	// Checks are what it is of: all in one project. The first names it.
	Checks []ID

	Title           string
	Description     string
	Severity        Severity
	Status          Status
	Type            string
	Source          Source
	ErrorMessage    string
	AffectedRegions []string
	FailureCount    int64
	ResolutionNotes string
	Labels          map[string]string
	Lead            ID
	// StartedAt is when the trouble began; zero for now.
	StartedAt time.Time
}

// Problems names each bad field with what is wrong with it.
func (d Draft) Problems() map[string]string {
	problems := make(map[string]string)
	if len(d.Checks) == 0 || d.Title != "" {
		set(problems, "title", titleProblem(d.Title))
	}
	set(problems, "description", textProblem("description", d.Description, 0, unlimited))
	if !d.Severity.Valid() {
		problems["severity"] = severityProblem
	}
	if d.Status != "" && !d.Status.Valid() {
		problems["status"] = oneOf("status", Statuses())
	}
	if d.Type != "" && !slices.Contains(Types(), d.Type) {
		problems["type"] = oneOf("type", Types())
	}
	if d.Source != FromManual && d.Source != FromSystem {
		problems["source"] = oneOf("source", []Source{FromSystem, FromManual})
	}
	if d.FailureCount < 0 || d.FailureCount > 1<<31-1 {
		problems["failure_count"] = "failure_count must be a whole number from 0 to 2147483647"
	}
	if !d.StartedAt.IsZero() && d.StartedAt.UnixMicro() <= 0 {
		problems["started_at"] = "started_at must lie after 1970" // 0 is how the tables store no time
	}
	set(problems, "error_message", textProblem("error_message", d.ErrorMessage, 0, MaxErrorMessage))
	set(problems, "affected_regions", regionsProblem("affected_regions", d.AffectedRegions))
	set(problems, "resolution_notes", textProblem("resolution_notes", d.ResolutionNotes, 0, unlimited))
	for key, value := range d.Labels {
		set(problems, "labels", labelProblem(key, &value))
	}
	if len(d.Labels) > MaxLabels {
		problems["labels"] = fmt.Sprintf("an incident has at most %d labels", MaxLabels)
	}
	if len(d.Checks) > MaxChecks {
		problems["checks"] = fmt.Sprintf("an incident is of at most %d checks", MaxChecks)
	}
	return problems
}

// severityProblem is what is wrong with a severity that is none.
const severityProblem = "severity must be one of: critical, major, minor, warning"

func oneOf[T ~string](name string, values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return name + " must be one of: " + strings.Join(texts, ", ")
}
