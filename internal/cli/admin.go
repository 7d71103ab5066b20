package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/alecthomas/kong"

	"tocsin"
	"tocsin/internal/app"
)

// adminDoor is the command line's name in the log.
const adminDoor = "cli"

// adminCommand sets up an installation. It opens the database itself and goes
// through the use cases, so it works beside a running server and without one.
type adminCommand struct {
	storage
	JSON bool `help:"Print JSON, one object a line."`

	Org     orgCommand     `cmd:"" help:"Organisations: tenants that see nothing of each other."`
	Project projectCommand `cmd:"" help:"Projects: where checks, datasets and incidents belong."`
	Dataset datasetCommand `cmd:"" help:"Datasets: data that incidents may concern."`
	Check   checkCommand   `cmd:"" help:"Checks: what system incidents are of."`
	User    userCommand    `cmd:"" help:"Users: people and the owners of keys."`
	Role    roleCommand    `cmd:"" help:"Roles: named sets of permissions."`
	Grant   grantCommand   `cmd:"" help:"Grants: which user has which role, and where."`
	Key     keyCommand     `cmd:"" help:"API keys: how programs come in."`

	AuditEpoch auditEpoch `cmd:"" help:"Let the audit trail be signed again after an old backup was restored."`
	AuditKey   auditKey   `cmd:"" help:"Show the public key of the audit trail, or make a new one."`
	AuditTake  auditTake  `cmd:"" name:"audit-export" help:"Take away the log of an organisation, or of the installation itself."`
}

// Help returns the way from nothing to a working key.
func (*adminCommand) Help() string {
	return "Examples, from nothing to a key that works:\n\n" +
		"  tocsin admin org create 'Meridian Payments'\n" +
		"  tocsin admin project create 'Online shop'\n" +
		"  tocsin admin user create ada@example.org --name 'Ada Okafor'\n" +
		"  tocsin admin grant create --user ada@example.org --role Admin\n" +
		"  tocsin admin key create --user ada@example.org --name 'pager script'\n\n" +
		"A server may be running on the database or not. What is made is named by its name or its id."
}

// AfterApply refuses what is given empty: a script whose variable is not set
// must not make a key or a grant that reaches further than was meant.
func (cmd *adminCommand) AfterApply(k *kong.Context) error {
	for _, p := range k.Path {
		switch {
		case p.Flag != nil && isEmpty(p.Flag.Target):
			return fmt.Errorf("--%s: must not be empty", p.Flag.Name)
		case p.Positional != nil && isEmpty(p.Positional.Target):
			return fmt.Errorf("<%s>: must not be empty", p.Positional.Name)
		}
	}
	return nil
}

// isEmpty reports whether v is an empty text, or a list that holds one.
func isEmpty(v reflect.Value) bool {
	switch value := v.Interface().(type) {
	case string:
		return value == ""
	case []string:
		return slices.Contains(value, "")
	default:
		return false
	}
}

// inOrg is the flag of commands that work within one organisation.
type inOrg struct {
	Org string `placeholder:"NAME|ID" help:"Organisation; needed when there are several."`
}

// A session is one command's work on an open database.
type session struct {
	app.Services
	ctx context.Context
	out output
	// actor is the operator; its Org is the one that the command works within.
	actor tocsin.Actor
}

// Validate returns every mistake in the settings.
func (cmd *adminCommand) Validate() error { return errors.Join(cmd.storage.problems()...) }

// open opens the database, making it if there is none, runs do and closes it.
func (cmd *adminCommand) open(c console, do func(*session) error) (err error) {
	db, err := app.OpenStore(c.ctx, cmd.database(false), c.logger(slog.LevelWarn), unobserved{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return do(&session{Services: app.NewServices(db), ctx: c.ctx, out: newOutput(c, cmd.JSON)})
}

// existing is open for a database that should be there: a mistyped directory
// must not become a new one.
func (cmd *adminCommand) existing(c console, do func(*session) error) error {
	d := cmd.database(false)
	if d.URL == "" && !app.HasDatabase(d.Dir) {
		return fmt.Errorf("there is no database in %[1]s; name another directory with --data, or begin one:\n  tocsin admin org create NAME --data %[1]s", d.Dir)
	}
	return cmd.open(c, do)
}

// within is existing as the operator of one organisation.
func (cmd *adminCommand) within(c console, in inOrg, do func(*session) error) error {
	return cmd.existing(c, func(s *session) error {
		all, err := s.Directory.Organisations(s.ctx)
		if err != nil {
			return err
		}
		org, err := pickOrOnly(organisations, in.Org, all)
		if err != nil {
			return err
		}
		s.actor = tocsin.System(org.ID, adminDoor)
		return do(s)
	})
}

// making says what could not be made. It takes the cause out of an error where
// that is an engine's wording of what the error says already.
func making(word string, name string, err error) error {
	var answer *tocsin.Error
	if errors.As(err, &answer) && answer.Code == tocsin.Conflict {
		err = tocsin.Errorf(answer.Code, "%s", answer.Message)
	}
	return fmt.Errorf("make the %s %q: %w", word, name, err)
}

// unobserved is a store.Observer for one command, which nobody measures.
type unobserved struct{}

// Committed is store.Observer's.
func (unobserved) Committed(int, time.Duration) {}

// Refused is store.Observer's.
func (unobserved) Refused(string) {}
