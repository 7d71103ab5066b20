package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/client"
)

// A moved is what became of one of several incidents.
type moved struct {
	ID     string        `json:"id,omitempty"`
	Number int32         `json:"number,omitempty"`
	Title  string        `json:"title,omitempty"`
	Status client.Status `json:"status,omitempty"`
	// Result is done, already (it was so before) or failed.
	Result string `json:"result"`
	// By and At are who did it before, and when, for already.
	By string    `json:"by,omitempty"`
	At time.Time `json:"at,omitzero"`
	// Error says why it failed.
	Error string `json:"error,omitempty"`

	asked string
	err   error
	plan  *client.Preview
}

// incidentNames are the arguments of commands that take several incidents.
type incidentNames struct {
	shaped
	writing
	IDs []string `arg:"" name:"id" help:"Their numbers or ids."`
}

// each moves one incident after the other and prints what became of each. One
// that fails does not stop the others.
func (n incidentNames) each(c console, r *remote, verb string, move func(*caller, client.Incident) moved) error {
	return call[moved](c, r, n.shaped, func(s *caller) error {
		results := make([]moved, 0, len(n.IDs))
		var first error
		failed := 0
		for _, given := range n.IDs {
			var m moved
			if i, err := s.incident(given); err != nil {
				m.err = err
			} else {
				m = move(s, i)
				m.ID, m.Number, m.Title = i.ID, i.Number, i.Title
			}
			m.asked = given
			if m.err = explain(m.err); m.err != nil {
				m.Result, m.Error = "failed", m.err.Error()
				failed++
				if first == nil {
					first = m.err
				}
			}
			results = append(results, m)
			if s.ctx.Err() != nil {
				break
			}
		}
		if len(n.IDs) == 1 && first != nil && !s.out.shaped.asked() {
			return first
		}
		if err := n.tell(s, verb, results); err != nil || first == nil {
			return err
		}
		code := exitFailed
		var exit exitError
		if errors.As(first, &exit) {
			code = exit.code
		} else if errors.As(first, new(usageError)) {
			code = exitUsage
		}
		return exitError{fmt.Errorf("%d of %d incidents could not be %s", failed, len(n.IDs), verb), code}
	})
}

// tell prints the results.
func (n incidentNames) tell(s *caller, verb string, results []moved) error {
	if n.DryRun && !s.out.shaped.asked() {
		for _, m := range results {
			switch {
			case m.err != nil:
				s.say("%s: %s", m.asked, m.Error)
			case m.plan != nil:
				if err := s.previewed(*m.plan); err != nil {
					return err
				}
			default:
				s.say("Incident %d %s", m.Number, m.words(s.out, verb))
			}
		}
		return nil
	}
	return show(s.out, results, []column[moved]{
		{name: "number", text: func(m moved) string {
			if m.Number == 0 {
				return m.asked
			}
			return strconv.Itoa(int(m.Number))
		}},
		{name: "result", text: func(m moved) string { return m.words(s.out, verb) }, style: func(m moved) style {
			return choose(m.err != nil, red, plain)
		}},
		{name: "title", text: func(m moved) string { return m.Title }, long: true},
	})
}

// words says what became of it.
func (m moved) words(o printer, verb string) string {
	switch {
	case m.err != nil:
		reason, _, _ := strings.Cut(m.Error, "\n")
		return "failed: " + reason
	case m.Result != "already":
		return verb
	}
	text := "is " + verb + " already"
	if m.By != "" {
		text += " by " + m.By
	}
	if !m.At.IsZero() {
		text += ", " + o.time(m.At)
	}
	return text
}

// to moves an incident, if it is still as it was read; who was faster decides
// anew.
func (s *caller) to(i client.Incident, w writing, p client.IncidentPatch) moved {
	var m moved
	opts := []client.CallOption{client.IfMatch(i.ETag())}
	if w.DryRun {
		m.plan = &client.Preview{}
		opts = append(opts, client.DryRun(m.plan))
	}
	after, err := s.Incidents.Update(s.ctx, i.ID, p, opts...)
	m.err, m.Status, m.Result = err, after.Status, "done"
	if w.DryRun {
		m.Status, m.Result = i.Status, "planned"
	}
	return m
}

// tries is how often a move is decided anew because somebody was faster.
const tries = 5

// decide runs move, and again on the incident as it then is where somebody was
// faster.
func (s *caller) decide(i client.Incident, move func(client.Incident) moved) (m moved) {
	for range tries {
		if m = move(i); !errors.Is(m.err, client.ErrStale) {
			return m
		}
		var err error
		if i, err = s.Incidents.Get(s.ctx, i.ID); err != nil {
			return moved{err: err}
		}
	}
	return m
}

type incidentAck struct {
	incidentNames
	Note string `placeholder:"TEXT" help:"Kept in the log with the change."`
}

// Help returns the examples.
func (incidentAck) Help() string {
	return "Examples:\n\n" +
		"  tocsin incident ack 12\n" +
		"  tocsin incident ack 12 13 14 --note 'looking at the database'\n" +
		"  tocsin incident list --json id --jq '.[].id' | xargs tocsin incident ack\n\n" +
		"An incident that is acknowledged already stays as it is: that is success, and it says who has it. " +
		"One that is over is not opened again: see 'tocsin incident update --status'."
}

// Run acknowledges incidents.
func (cmd incidentAck) Run(c console, r *remote) error {
	p := client.IncidentPatch{Status: new(client.Investigating), Note: noteOf(cmd.Note)}
	return cmd.each(c, r, "acknowledged", func(s *caller, i client.Incident) moved {
		return s.decide(i, func(i client.Incident) moved {
			switch {
			case i.Status.Acknowledged():
				by := s.who(i.ID, "acknowledged_at")
				return moved{Status: i.Status, Result: "already", By: by, At: i.AcknowledgedAt}
			case i.Status.Over():
				return moved{err: exitError{fmt.Errorf("incident %d is %s; to open it again: tocsin incident update %d --status investigating", i.Number, i.Status, i.Number), exitConflict}}
			}
			return s.to(i, cmd.writing, p)
		})
	})
}

// who returns who last changed a field of an incident, as far as it can be seen.
func (s *caller) who(id, field string) string {
	for e, err := range s.Incidents.AllHistory(s.ctx, id) {
		if err != nil {
			return ""
		}
		for _, f := range e.Fields {
			if f.Name == field {
				return s.actor(e.Actor)
			}
		}
	}
	return ""
}

func noteOf(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

type incidentResolve struct {
	incidentNames
	Notes     string `placeholder:"TEXT" help:"How it was resolved."`
	NotesFile string `placeholder:"FILE" help:"File with how it was resolved; - is standard input."`
}

// Help returns the examples.
func (incidentResolve) Help() string {
	return "Examples:\n\n" +
		"  tocsin incident resolve 12 --notes 'rolled back release 41'\n" +
		"  tocsin incident resolve 12 13 --notes-file postmortem.txt\n\n" +
		"One that is resolved already stays as it is: that is success."
}

// Run resolves incidents.
func (cmd incidentResolve) Run(c console, r *remote) error {
	if cmd.Notes != "" && cmd.NotesFile != "" {
		return usageError{errors.New("--notes and --notes-file: give one of them")}
	}
	p := client.IncidentPatch{Status: new(client.Resolved)}
	if !cmd.JSON.list {
		notes, err := fileOrText(c, cmd.NotesFile, cmd.Notes)
		if err != nil {
			return err
		}
		p.ResolutionNotes = noteOf(notes)
	}
	return cmd.each(c, r, "resolved", func(s *caller, i client.Incident) moved {
		return s.decide(i, func(i client.Incident) moved {
			if i.Status == client.Resolved && p.ResolutionNotes == nil {
				return moved{Status: i.Status, Result: "already", By: s.who(i.ID, "resolved_at"), At: i.ResolvedAt}
			}
			return s.to(i, cmd.writing, p)
		})
	})
}

type incidentClose struct {
	incidentNames
	consent
	Note string `placeholder:"TEXT" help:"Kept in the log with the change."`
}

// Help returns the examples.
func (incidentClose) Help() string {
	return "Examples:\n\n" +
		"  tocsin incident close 12\n" +
		"  tocsin incident close 12 13 --yes\n\n" +
		"Closed is the end: a closed incident cannot be changed or opened again."
}

// Run closes incidents.
func (cmd incidentClose) Run(c console, r *remote) error {
	if !cmd.DryRun && !cmd.JSON.list {
		if err := cmd.given(c, fmt.Sprintf("Close %s for good?", strings.Join(cmd.IDs, ", "))); err != nil {
			return err
		}
	}
	p := client.IncidentPatch{Status: new(client.Closed), Note: noteOf(cmd.Note)}
	return cmd.each(c, r, "closed", func(s *caller, i client.Incident) moved {
		return s.decide(i, func(i client.Incident) moved {
			if i.Status == client.Closed {
				return moved{Status: i.Status, Result: "already", By: s.who(i.ID, "status"), At: i.UpdatedAt}
			}
			return s.to(i, cmd.writing, p)
		})
	})
}
