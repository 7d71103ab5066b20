// Package cli is the command line: one file a command. It turns flags and
// environment into settings, runs the command, and says what went wrong in
// words that help. It must never hold a rule of the domain.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// commands is everything that the program can be told to do.
type commands struct {
	Demo    demoCommand    `cmd:"" help:"Start a server with data to play with, and print what to paste."`
	Serve   serveCommand   `cmd:"" help:"Start the server."`
	Admin   adminCommand   `cmd:"" help:"Set up an installation from the shell: organisations, projects, people, keys."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// console is where a command writes, and what stops it.
type console struct {
	ctx    context.Context
	stdout io.Writer
	stderr io.Writer
}

// logger returns the server's logger: JSON lines on standard error.
func (c console) logger(least slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(c.stderr, &slog.HandlerOptions{Level: least}))
}

// A usageError is a mistake in the flags or settings.
type usageError struct{ error }

// Run runs the command that args name and returns the exit code: 0 done, 1
// failed, 2 not understood.
func Run(args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	var cmds commands
	code := -1
	parser, err := kong.New(&cmds,
		kong.Name("tocsin"),
		kong.Description("Tocsin is an incident server: one binary, one truthful record of each incident.\n\nTry it:\n  tocsin demo"),
		kong.Writers(stdout, stderr),
		kong.Exit(func(c int) { code = c }),
		kong.UsageOnError(),
		kong.Vars{"default_listen": defaultListen},
		kong.Resolvers(secretFiles{}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		fmt.Fprintf(stderr, "tocsin: %v\n", err)
		return exitFailed
	}
	unknown := unknownVariables(parser.Model, environ)
	k, err := parser.Parse(args)
	if code >= 0 {
		return code // help was asked for
	}
	if err = errors.Join(err, unknown); err == nil {
		err = k.Run(console{ctx: ctx, stdout: stdout, stderr: stderr})
	} else {
		err = usageError{err}
	}
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "tocsin: %v\n", err)
	if usage := (usageError{}); errors.As(err, &usage) {
		fmt.Fprintln(stderr, "Run 'tocsin --help' or 'tocsin <command> --help' for what there is.")
		return exitUsage
	}
	return exitFailed
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(c console) error {
	_, err := fmt.Fprintln(c.stdout, "tocsin", version())
	return err
}

// release is set by the release build: -ldflags "-X tocsin/internal/cli.release=v1.2.3".
var release string

func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
