package cli

import (
	"errors"
	"log/slog"

	"tocsin/internal/app"
)

// defaultListen is only on this machine: to be reached from others is a choice.
const defaultListen = "127.0.0.1:8710"

type serveCommand struct {
	storage
	node
	serving
}

// Help returns the examples.
func (serveCommand) Help() string {
	return "Examples:\n\n" +
		"  tocsin serve --data /var/lib/tocsin\n" +
		"  tocsin serve --listen :8710 --public-url https://tocsin.example.org\n" +
		"  TOCSIN_DATABASE_FILE=/run/secrets/database tocsin serve"
}

// Validate returns every mistake in the settings.
func (cmd serveCommand) Validate() error {
	return errors.Join(append(cmd.storage.problems(), cmd.serving.problems()...)...)
}

// Run serves until it is told to stop.
func (cmd serveCommand) Run(c console) error {
	app.TuneRuntime()
	listen := cmd.Listen
	if listen == "" {
		listen = defaultListen
	}
	logger, database := c.logger(slog.LevelInfo), cmd.database(true)
	a, err := app.New(c.ctx, app.Options{
		Database: database, State: cmd.state(database), AuditKeyFile: cmd.AuditKeyFile,
		Listen: listen, PublicURL: cmd.PublicURL, TrustedProxies: cmd.proxies(), RateLimit: cmd.RateLimit, Logger: logger,
	})
	if err != nil {
		return err
	}
	logger.Info("serving", "url", a.URL(), "listen", listen, "version", version())
	err = a.Serve(c.ctx)
	if err == nil {
		logger.Info("stopped")
	}
	return err
}
