package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"tocsin"
	"tocsin/internal/app"
	"tocsin/internal/demo"
)

type demoCommand struct {
	storage
	Listen string `placeholder:"ADDR" help:"Address to listen on (default ${default_listen}, or a free port if that is taken)."`
	JSON   bool   `help:"Print one JSON object with the address, keys and ids as the first line, for scripts."`
}

// Help returns the examples.
func (demoCommand) Help() string {
	return "Examples:\n\n" +
		"  tocsin demo\n" +
		"  tocsin demo --json --listen 127.0.0.1:0 --data ./demo"
}

// Validate returns every mistake in the settings.
func (cmd demoCommand) Validate() error {
	return errors.Join(append(cmd.storage.problems(), serving{Listen: cmd.Listen}.problems()...)...)
}

// Run makes the demo's data, prints what to paste, and serves it.
func (cmd demoCommand) Run(c console) error {
	app.TuneRuntime()
	database, cleanUp, err := cmd.place()
	if err != nil {
		return err
	}
	defer cleanUp()
	a, err := app.New(c.ctx, app.Options{Database: database, State: database.Dir, Listen: cmd.address(), RateLimit: defaultRateLimit, Logger: c.logger(slog.LevelWarn)})
	if err != nil {
		return err
	}
	r, err := demo.Seed(c.ctx, demo.UseCases{Access: a.Access, Incidents: a.Incidents, Directory: a.Directory}, time.Now())
	if tocsin.CodeOf(err) == tocsin.Conflict {
		err = fmt.Errorf("%w. To serve it:\n  tocsin serve --database …", err)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("fill the demo: %w", err), a.Close())
	}
	r.URL = a.URL()
	served := make(chan error, 1)
	go func() { served <- a.Serve(c.ctx) }()
	if err := answers(r.URL); err != nil {
		return err
	}
	if cmd.JSON {
		err = json.NewEncoder(c.stdout).Encode(r)
	} else {
		err = cmd.greet(c, r)
	}
	return errors.Join(err, <-served)
}

// place says where the demo's database goes, and how to clear it away after.
func (cmd demoCommand) place() (database app.Database, cleanUp func(), err error) {
	dir, cleanUp := cmd.Data, func() {}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "tocsin-demo-"); err != nil {
			return database, nil, fmt.Errorf("make a temporary directory: %w", err)
		}
		cleanUp = func() { _ = os.RemoveAll(dir) }
	}
	if cmd.Database != "" {
		return app.Database{Dir: dir, URL: cmd.Database, Server: true}, cleanUp, nil
	}
	if app.HasDatabase(dir) {
		return database, nil, fmt.Errorf("%s holds a database already; the demo only fills an empty one. To serve it:\n  tocsin serve --data %s", dir, dir)
	}
	return app.Database{Dir: filepath.Clean(dir), Server: true}, cleanUp, nil
}

// address is the one asked for, or the usual one, or any that is free.
func (cmd demoCommand) address() string {
	if cmd.Listen != "" {
		return cmd.Listen
	}
	l, err := net.Listen("tcp", defaultListen)
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = l.Close()
	return defaultListen
}

// answers waits until the server answers at url.
func answers(url string) error {
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Get(url + "/healthz")
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	return res.Body.Close()
}

// greet prints the demo for a person.
func (cmd demoCommand) greet(c console, r demo.Result) error {
	kept := "in a temporary directory, gone when you stop it"
	if cmd.Data != "" || cmd.Database != "" {
		kept = "kept"
	}
	_, err := fmt.Fprintf(c.stdout, `Tocsin is running at %[1]s (data %[6]s). Stop it with Ctrl-C.

Two organisations, three projects, open incidents and their keys are in place.
Paste these into another terminal.

1. Change an incident as an UptimeIO client would:

curl -X PUT '%[1]s/api/incidents/%[2]s' \
  -H 'X-API-Key: %[3]s' \
  -H 'Content-Type: application/json' \
  -d '{"severity": "major", "affected_regions": ["us-east-1"]}'

2. Change the same incident as a Soda Cloud client would:

curl -X POST '%[1]s/api/v1/incidents/%[2]s' \
  -u '%[4]s:%[5]s' \
  -H 'Content-Type: application/json' \
  -d '{"status": "investigating", "title": "Payments are down"}'

3. Change it through the native API, several things at once; then see who changed what:

curl -X PATCH '%[1]s/v1/incidents/%[2]s' \
  -H 'Authorization: Bearer %[5]s' \
  -H 'Content-Type: application/json' \
  -d '{"status": "fixing", "labels": {"team": "payments"}, "note": "rolling back"}'

curl '%[1]s/v1/incidents/%[2]s/history' -H 'Authorization: Bearer %[5]s'

4. Take a copy of the log and have it proven:

curl -s '%[1]s/v1/audit/export' -H 'Authorization: Bearer %[5]s' -o audit.tar
curl -s '%[1]s/v1/audit/key' -H 'Authorization: Bearer %[5]s' -o audit.vkey
%[7]s audit verify audit.tar --key "$(cat audit.vkey)"

The API is described at %[1]s/docs/api
`, r.URL, r.IncidentID, r.UptimeIOKey, r.SodaKeyID, r.SodaKeySecret, kept, ownName())
	return err
}

// ownName is how another terminal can call this program: by its name where that
// is found, else by its path, as under go run.
func ownName() string {
	const name = "tocsin"
	if _, err := exec.LookPath(name); err == nil {
		return name
	}
	path, err := os.Executable()
	if err != nil {
		return name
	}
	return "'" + path + "'"
}
