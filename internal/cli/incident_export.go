package cli

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/client"
)

type incidentExport struct {
	ID     string `arg:"" help:"Its number or id."`
	Format string `enum:"md,json,csv" default:"md" help:"md (Markdown), json or csv."`
}

// Help returns the examples.
func (incidentExport) Help() string {
	return "Examples:\n\n" +
		"  tocsin incident export 12 >incident-12.md\n" +
		"  tocsin incident export 12 --format csv >incident-12.csv\n" +
		"  tocsin incident export 12 --format json | jq .timeline\n\n" +
		"The timeline comes from the log, oldest first, with the comments in their places. " +
		"In CSV a value that a spreadsheet would take for a formula has ' before it."
}

// A moment is one thing that happened to an incident.
type moment struct {
	At     time.Time            `json:"at"`
	Action string               `json:"action"`
	By     string               `json:"by,omitempty"`
	Note   string               `json:"note,omitempty"`
	Text   string               `json:"text,omitempty"`
	Fields []client.FieldChange `json:"fields,omitempty"`
}

// Run prints an incident with its timeline.
func (cmd incidentExport) Run(c console, r *remote) error {
	return call[client.Incident](c, r, shaped{}, func(s *caller) error {
		i, err := s.incident(cmd.ID)
		if err != nil {
			return err
		}
		timeline, err := s.timeline(i.ID)
		if err != nil {
			return err
		}
		var w io.Writer = s.out.stdout
		if s.out.terminal {
			w = paragraphs{w}
		}
		switch cmd.Format {
		case "json":
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(struct {
				Incident client.Incident `json:"incident"`
				Timeline []moment        `json:"timeline"`
			}{i, timeline})
		case "csv":
			return writeCSV(w, timeline)
		default:
			return writeMarkdown(w, i, s.userName(i.LeadID), timeline)
		}
	})
}

// paragraphs escapes what is written through it for a terminal.
type paragraphs struct{ w io.Writer }

// Write is io.Writer's. Each call must hold whole characters.
func (p paragraphs) Write(b []byte) (int, error) {
	_, err := io.WriteString(p.w, paragraph(string(b)))
	return len(b), err
}

// timeline returns what happened to an incident, oldest first.
func (s *caller) timeline(id string) ([]moment, error) {
	moments := []moment{}
	for e, err := range s.Incidents.AllHistory(s.ctx, id) {
		if err != nil {
			return nil, err
		}
		if e.Kind != "" && e.Kind != "incident" {
			continue // a comment comes with its text below
		}
		moments = append(moments, moment{At: e.At, Action: e.Action, By: s.actor(e.Actor), Note: e.Note, Fields: told(e.Fields)})
	}
	slices.Reverse(moments)
	for m, err := range s.Incidents.AllComments(s.ctx, id) {
		if err != nil {
			return nil, err
		}
		moments = append(moments, moment{At: m.CreatedAt, Action: "comment", By: s.userName(m.AuthorID), Text: m.Message})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return a.At.Compare(b.At) })
	return moments, nil
}

// writeMarkdown prints an incident for people to read and to keep.
func writeMarkdown(w io.Writer, i client.Incident, lead string, timeline []moment) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Incident %d: %s\n\n", i.Number, markdown(i.Title))
	item := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "- **%s:** %s\n", name, markdown(value))
		}
	}
	item("Severity", string(i.Severity))
	item("Status", string(i.Status))
	item("Started", stamp(i.StartedAt))
	item("Opened", stamp(i.OpenedAt))
	item("Acknowledged", stamp(i.AcknowledgedAt))
	item("Resolved", stamp(i.ResolvedAt))
	if !i.ResolvedAt.IsZero() && !i.StartedAt.IsZero() {
		item("Lasted", i.ResolvedAt.Sub(i.StartedAt).Round(time.Second).String())
	}
	item("Lead", lead)
	item("Check", i.CheckName)
	item("Regions", strings.Join(i.AffectedRegions, ", "))
	for _, key := range slices.Sorted(maps.Keys(i.Labels)) {
		item("Label "+markdown(key), i.Labels[key])
	}
	for _, l := range i.Links {
		fmt.Fprintf(&b, "- **Link:** %s <%s>\n", markdown(l.Title), strings.NewReplacer("<", "%3C", ">", "%3E").Replace(escaped(l.URL)))
	}
	for _, s := range []fact{{"Description", i.Description}, {"Error message", i.ErrorMessage}, {"Resolution", i.ResolutionNotes}} {
		if s.value != "" {
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.name, quoted(s.value))
		}
	}
	b.WriteString("\n## Timeline\n\n")
	for _, m := range timeline {
		fmt.Fprintf(&b, "- **%s** %s by %s\n", stamp(m.At), markdown(m.Action), markdown(cmp.Or(m.By, "somebody")))
		for _, f := range m.Fields {
			fmt.Fprintf(&b, "  - %s: %s → %s\n", markdown(f.Name), markdown(valueText(f.Old)), markdown(valueText(f.New)))
		}
		for _, text := range []string{m.Note, m.Text} {
			if text != "" {
				fmt.Fprintf(&b, "\n%s\n\n", indented(quoted(text)))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// markdown writes a text so that it is text in Markdown, on one line.
func markdown(text string) string {
	var b strings.Builder
	for _, r := range escaped(text) {
		if strings.ContainsRune("\\`*_{}[]<>#|~&!", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// quoted writes a text of several lines as a quotation.
func quoted(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight("> "+markdown(line), " ")
	}
	return strings.Join(lines, "  \n")
}

func indented(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

// writeCSV prints a timeline, a line a field.
func writeCSV(w io.Writer, timeline []moment) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"at", "action", "by", "field", "old", "new", "text"}}
	for _, m := range timeline {
		head := []string{m.At.UTC().Format(time.RFC3339Nano), m.Action, m.By}
		text := strings.TrimSpace(m.Note + "\n" + m.Text)
		if len(m.Fields) == 0 {
			rows = append(rows, append(head, "", "", "", text))
		}
		for _, f := range m.Fields {
			rows = append(rows, append(slices.Clone(head), f.Name, bare(f.Old), bare(f.New), text))
		}
	}
	for _, row := range rows {
		for i, value := range row {
			row[i] = harmless(value)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// bare is a field's value as one text, empty for none.
func bare(v any) string {
	if text := valueText(v); text != "-" {
		return text
	}
	return ""
}

// harmless keeps a spreadsheet from taking a text for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
