package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"tocsin/client"
)

// maxText bounds what is read of a text from standard input or a file, in bytes.
const maxText = 64 << 10

type incidentOpen struct {
	shaped
	writing
	Title        string   `arg:"" help:"What is wrong, in one line."`
	Severity     string   `required:"" placeholder:"SEVERITY" help:"critical, major, minor or warning."`
	Project      string   `short:"p" placeholder:"NAME|ID" help:"Where it belongs; needed when there are several and no check is given."`
	Check        []string `placeholder:"ID" help:"Check that it is of; may be given again."`
	Description  string   `short:"d" placeholder:"TEXT" help:"More about it; - reads standard input."`
	ErrorMessage string   `placeholder:"TEXT" help:"The error as it was seen."`
	Type         string   `placeholder:"TYPE" help:"Kind of trouble, as in timeout."`
	Region       []string `placeholder:"NAME" sep:"none" help:"Affected region; may be given again."`
	Label        []string `short:"l" placeholder:"KEY=VALUE" sep:"none" help:"Label; may be given again."`
	Lead         string   `placeholder:"EMAIL|ID|me" help:"Who is in charge."`
	Started      string   `placeholder:"WHEN" help:"When the trouble began: a time, a day, or how long ago, as in 20m."`
}

// Help returns the examples.
func (incidentOpen) Help() string {
	return "Examples:\n\n" +
		"  tocsin incident open 'Payments are down' --severity critical --project 'Online shop'\n" +
		"  tocsin incident open 'Orders are late' --severity minor --label team=data --started 20m --lead me\n" +
		"  ./report.sh | tocsin incident open 'Nightly job failed' --severity major --description -\n\n" +
		"It prints the incident's number and id, with a tab between."
}

// Run opens an incident.
func (cmd incidentOpen) Run(c console, r *remote) error {
	n := client.NewIncident{
		Title: cmd.Title, Severity: client.Severity(cmd.Severity), CheckIDs: cmd.Check,
		ErrorMessage: cmd.ErrorMessage, Type: cmd.Type, AffectedRegions: cmd.Region,
	}
	started, whenErr := parseWhen("started", cmd.Started, time.Now())
	labels, labelErr := parseLabels(cmd.Label, false)
	if err := errors.Join(oneOf("severity", cmd.Severity, severities()), whenErr, labelErr); err != nil {
		return usageError{err}
	}
	n.StartedAt = started
	for key, value := range labels {
		if n.Labels == nil {
			n.Labels = map[string]string{}
		}
		n.Labels[key] = *value
	}
	return call[client.Incident](c, r, cmd.shaped, func(s *caller) (err error) {
		if n.Description, err = textOf(c, cmd.Description); err != nil {
			return err
		}
		if cmd.Project != "" || len(cmd.Check) == 0 {
			if n.ProjectID, err = s.projectID(cmd.Project); err != nil {
				return err
			}
		}
		if cmd.Lead != "" {
			if n.LeadID, err = s.userID(cmd.Lead); err != nil {
				return err
			}
		}
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.Incident, error) {
			return s.Incidents.Create(s.ctx, n, opts...)
		}, func(i client.Incident) error {
			s.say("Opened incident %d", i.Number)
			return made(s.out, i, strconv.Itoa(int(i.Number)), i.ID)
		})
	})
}

// parseLabels reads key=value; where taking away is meant, key- alone is that.
func parseLabels(given []string, removable bool) (map[string]*string, error) {
	labels := map[string]*string{}
	for _, text := range given {
		key, value, ok := strings.Cut(text, "=")
		bare, minus := strings.CutSuffix(text, "-")
		switch {
		case ok && key != "":
			labels[key] = &value
		case removable && minus && bare != "":
			labels[bare] = nil
		default:
			return nil, fmt.Errorf("--label %q: must be KEY=VALUE%s", text, choose(removable, ", or KEY- to take it away", ""))
		}
	}
	return labels, nil
}

// textOf is a flag's text, or standard input for "-".
func textOf(c console, given string) (string, error) {
	if given != "-" {
		return given, nil
	}
	return readText(c.stdin)
}

func readText(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err != nil {
		return "", fmt.Errorf("read the text: %w", err)
	}
	if len(text) > maxText {
		return "", fmt.Errorf("the text is longer than %d bytes", maxText)
	}
	return strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), nil
}

type incidentUpdate struct {
	shaped
	writing
	ID              string   `arg:"" help:"Its number or id."`
	Title           *string  `placeholder:"TEXT" help:"What is wrong, in one line."`
	Severity        string   `placeholder:"SEVERITY" help:"critical, major, minor or warning."`
	Status          string   `short:"s" placeholder:"STATUS" help:"open, investigating, fixing, resolved or closed."`
	Description     *string  `short:"d" placeholder:"TEXT" help:"More about it; - reads standard input, an empty text clears."`
	ErrorMessage    *string  `placeholder:"TEXT" help:"The error as it was seen; an empty text clears."`
	ResolutionNotes *string  `placeholder:"TEXT" help:"How it was resolved; an empty text clears."`
	Lead            *string  `placeholder:"EMAIL|ID|me" help:"Who is in charge; an empty text is nobody."`
	AddRegion       []string `placeholder:"NAME" sep:"none" help:"Region that is affected too; may be given again."`
	RemoveRegion    []string `placeholder:"NAME" sep:"none" help:"Region that is affected no longer; may be given again."`
	Label           []string `short:"l" placeholder:"KEY=VALUE|KEY-" sep:"none" help:"Label to set, or with - behind it to take away; may be given again."`
	Note            string   `placeholder:"TEXT" help:"Why; kept in the log with the change."`
	IfVersion       int64    `placeholder:"N" help:"Change it only if it is still at this version."`
}

// Help returns the examples.
func (incidentUpdate) Help() string {
	return "Examples:\n\n" +
		"  tocsin incident update 12 --severity major --note 'only the west is affected'\n" +
		"  tocsin incident update 12 --status fixing --lead ben@example.org\n" +
		"  tocsin incident update 12 --label team=data --label draft- --dry-run\n" +
		"  tocsin incident update 12 --title 'Orders are late' --if-version 7\n\n" +
		"All of it is one change: either all is done or nothing."
}

// Run changes an incident.
func (cmd incidentUpdate) Run(c console, r *remote) error {
	p, err := cmd.patch()
	if err != nil {
		return usageError{err}
	}
	return call[client.Incident](c, r, cmd.shaped, func(s *caller) error {
		if p.Description != nil {
			text, err := textOf(c, *p.Description)
			if err != nil {
				return err
			}
			p.Description = &text
		}
		if p.LeadID != nil && *p.LeadID != "" {
			id, err := s.userID(*p.LeadID)
			if err != nil {
				return err
			}
			p.LeadID = &id
		}
		i, err := s.incident(cmd.ID)
		if err != nil {
			return err
		}
		tag := "*"
		if cmd.IfVersion != 0 {
			tag = client.ETag(i.ID, cmd.IfVersion)
		}
		before := i.Version
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.Incident, error) {
			return s.Incidents.Update(s.ctx, i.ID, p, append(opts, client.IfMatch(tag))...)
		}, func(i client.Incident) error {
			if i.Version == before {
				s.say("Incident %d is so already", i.Number)
			} else {
				s.say("Changed incident %d; it is at version %d", i.Number, i.Version)
			}
			return nothing(s, i)
		})
	})
}

// patch is what the flags ask for.
func (cmd incidentUpdate) patch() (client.IncidentPatch, error) {
	p := client.IncidentPatch{
		Title: cmd.Title, Description: cmd.Description, ErrorMessage: cmd.ErrorMessage, ResolutionNotes: cmd.ResolutionNotes,
		LeadID: cmd.Lead, AddRegions: cmd.AddRegion, RemoveRegions: cmd.RemoveRegion,
	}
	labels, err := parseLabels(cmd.Label, true)
	errs := []error{err}
	p.Labels = labels
	if cmd.Severity != "" {
		p.Severity = new(client.Severity(cmd.Severity))
		errs = append(errs, oneOf("severity", cmd.Severity, severities()))
	}
	if cmd.Status != "" {
		p.Status = new(client.Status(cmd.Status))
		errs = append(errs, oneOf("status", cmd.Status, statuses()))
	}
	if err := errors.Join(errs...); err != nil {
		return p, err
	}
	if empty, err := p.MarshalJSON(); err == nil && string(empty) == "{}" {
		return p, errors.New("say what to change, as in --severity major; 'tocsin incident update --help' lists it all")
	}
	if cmd.Note != "" {
		p.Note = &cmd.Note
	}
	return p, nil
}

type incidentNote struct {
	shaped
	writing
	ID   string `arg:"" help:"The incident's number or id."`
	Text string `arg:"" help:"What to say; - reads standard input."`
}

// Help returns the examples.
func (incidentNote) Help() string {
	return "Examples:\n\n" +
		"  tocsin incident note 12 'The provider says 18:00 UTC'\n" +
		"  tail -20 app.log | tocsin incident note 12 -"
}

// Run comments on an incident.
func (cmd incidentNote) Run(c console, r *remote) error {
	return call[client.Comment](c, r, cmd.shaped, func(s *caller) error {
		text, err := textOf(c, cmd.Text)
		if err != nil {
			return err
		}
		i, err := s.incident(cmd.ID)
		if err != nil {
			return err
		}
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.Comment, error) {
			return s.Incidents.Comment(s.ctx, i.ID, text, append(opts, client.IfMatch("*"))...)
		}, func(m client.Comment) error {
			s.say("Noted on incident %d", i.Number)
			return made(s.out, m, m.ID)
		})
	})
}

type incidentLink struct {
	shaped
	writing
	ID     string `arg:"" help:"The incident's number or id."`
	URL    string `arg:"" name:"address" optional:"" help:"Where the link leads."`
	Title  string `placeholder:"TEXT" help:"What is there."`
	Remove string `placeholder:"LINK-ID" help:"Take this link away."`
}

// Help returns the examples.
func (incidentLink) Help() string {
	return "Examples:\n\n" +
		"  tocsin incident link 12 https://wiki.example.org/runbook --title Runbook\n" +
		"  tocsin incident link 12 --remove 0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e\n\n" +
		"It prints the link's id."
}

// Validate returns every mistake in the arguments.
func (cmd incidentLink) Validate() error {
	if (cmd.URL == "") == (cmd.Remove == "") {
		return errors.New("give an address, or --remove with a link's id")
	}
	return nil
}

// Run gives an incident a link or takes one away.
func (cmd incidentLink) Run(c console, r *remote) error {
	return call[client.Link](c, r, cmd.shaped, func(s *caller) error {
		i, err := s.incident(cmd.ID)
		if err != nil {
			return err
		}
		if cmd.Remove != "" {
			return change(s, cmd.writing, func(opts ...client.CallOption) (client.Incident, error) {
				return s.Incidents.RemoveLink(s.ctx, i.ID, cmd.Remove, append(opts, client.IfMatch("*"))...)
			}, func(client.Incident) error {
				s.say("Took the link away from incident %d", i.Number)
				return nil
			})
		}
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.Link, error) {
			return s.Incidents.AddLink(s.ctx, i.ID, client.NewLink{URL: cmd.URL, Title: cmd.Title}, append(opts, client.IfMatch("*"))...)
		}, func(l client.Link) error {
			s.say("Linked incident %d", i.Number)
			return made(s.out, l, l.ID)
		})
	})
}

// fileOrText returns the text of a file, unless its name is empty.
func fileOrText(c console, file, text string) (string, error) {
	switch file {
	case "":
		return text, nil
	case "-":
		return readText(c.stdin)
	}
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return readText(f)
}
