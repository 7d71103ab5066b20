package cli

import (
	"errors"
	"fmt"
	"io"

	"tocsin"
	"tocsin/internal/app"
)

type auditEpoch struct {
	node
}

// Help says when this is for.
func (auditEpoch) Help() string {
	return "Example:\n\n  tocsin admin audit-epoch --data /var/lib/tocsin\n\n" +
		"A server that finds its database older than what it has signed stops signing: a copy of the log that somebody\n" +
		"keeps would no longer agree with it. If you restored that backup on purpose, this records the break in each log\n" +
		"that was set back, with the last checkpoint that this node knows, and signing goes on in a new epoch.\n" +
		"Run it on the node that has the last checkpoints, with that node's --state. A running server goes on by itself."
}

// Run opens an epoch in each log that was set back.
func (cmd auditEpoch) Run(c console, admin *adminCommand) error {
	return admin.existing(c, func(s *session) error {
		opened, err := app.OpenEpoch(s.ctx, s.Store, cmd.state(admin.database(false)), adminDoor)
		if err == nil && len(opened) == 0 {
			_, err = fmt.Fprintln(c.stderr, "No log was set back behind what this node has signed: there is nothing to do.")
			return err
		}
		rows := make([]epochRow, len(opened))
		for i, o := range opened {
			rows[i] = epochRow{Organisation: o.Org.String(), Epoch: o.Epoch, Size: o.Size}
		}
		return errors.Join(err, list(s.out, rows))
	})
}

type epochRow struct {
	Organisation string `json:"organisation_id"`
	Epoch        int64  `json:"epoch"`
	Size         int64  `json:"size_before"`
}

func (epochRow) columns() []string { return []string{"organisation", "epoch", "entries signed before"} }

func (r epochRow) cells(output) []string {
	return []string{r.Organisation, fmt.Sprint(r.Epoch), fmt.Sprint(r.Size)}
}

type auditKey struct {
	node
	Replace bool `help:"Make a new key, for one that was lost or must not sign any more. Move the old file away first."`
}

// Help returns the examples.
func (auditKey) Help() string {
	return "Examples:\n\n  tocsin admin audit-key > tocsin.vkey\n  tocsin admin audit-key --replace\n\n" +
		"The public key is what 'tocsin audit verify' is given. Keep it where nobody who runs the server can change it."
}

// Run prints the keys of the installation, the present one last, or a new one.
func (cmd auditKey) Run(c console, admin *adminCommand) error {
	return admin.existing(c, func(s *session) error {
		if cmd.Replace {
			key, err := app.ReplaceAuditKey(s.ctx, s.Store, cmd.state(admin.database(false)), cmd.AuditKeyFile, adminDoor)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.stdout, key)
			return err
		}
		keys, err := s.Audit.Keys(s.ctx)
		if err != nil {
			return fmt.Errorf("%w: the key is made by the first server that runs on the database", err)
		}
		for _, key := range keys {
			if _, err := fmt.Fprintln(c.stdout, key); err != nil {
				return err
			}
		}
		return nil
	})
}

type auditTake struct {
	inOrg
	Installation bool   `help:"The installation's own log: its signing keys, and the organisations that there are."`
	Output       string `short:"o" required:"" placeholder:"FILE" help:"File to write."`
}

// Help returns the examples.
func (auditTake) Help() string {
	return "Examples:\n\n  tocsin admin audit-export --org 'Meridian Payments' -o audit.tar\n  tocsin admin audit-export --installation -o installation.tar\n\n" +
		"A server must be running on the database, for it signs what is exported; this waits until it has.\n" +
		"To check it: tocsin audit verify FILE --key \"$(tocsin admin audit-key)\""
}

// Run writes the export.
func (cmd auditTake) Run(c console, admin *adminCommand) error {
	take := func(s *session) error {
		actor := s.actor
		if cmd.Installation {
			actor = tocsin.System(s.Store.Installation(), adminDoor)
		}
		from, to := io.Pipe()
		go func() { to.CloseWithError(s.Audit.Export(s.ctx, actor, to)) }()
		n, err := writeWhole(cmd.Output, from)
		if tocsin.CodeOf(err) == tocsin.Busy {
			return fmt.Errorf("%w: is a server running on the database? It is what signs the log", err)
		}
		if err != nil {
			return errors.Join(err, from.Close())
		}
		_, err = fmt.Fprintf(c.stderr, "Wrote %d bytes to %s.\n", n, cmd.Output)
		return err
	}
	if cmd.Installation {
		return admin.existing(c, take)
	}
	return admin.within(c, cmd.inOrg, take)
}
