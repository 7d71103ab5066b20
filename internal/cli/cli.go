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
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes; 'tocsin help exit-codes' explains them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitSignIn      = 4
	exitConflict    = 5
	exitUnreachable = 6
)

// commands is everything that the program can be told to do.
type commands struct {
	Demo    demoCommand    `cmd:"" help:"Start a server with data to play with, and print what to paste."`
	Serve   serveCommand   `cmd:"" help:"Start the server."`
	Admin   adminCommand   `cmd:"" help:"Set up an installation from the shell: organisations, projects, people, keys."`
	Version versionCommand `cmd:"" help:"Print the version."`

	Backup  backupCommand  `cmd:"" help:"Write everything to one file, checked, beside a running server."`
	Restore restoreCommand `cmd:"" help:"Make an empty place hold what a backup holds."`
	Store   storeCommand   `cmd:"" help:"The database as a whole: move it to the other engine."`
	Migrate migrateCommand `cmd:"" help:"Bring the schema up to date, or try whether that works."`
	Doctor  doctorCommand  `cmd:"" help:"Look whether the installation is well, and say what to do."`

	Login    loginCommand    `cmd:"" help:"Sign in to a server."`
	Logout   logoutCommand   `cmd:"" help:"Forget a server and its token."`
	Whoami   whoamiCommand   `cmd:"" help:"Say whom the token stands for."`
	Context  contextCommand  `cmd:"" help:"Contexts: the servers that one is signed in to."`
	Project  projectsCommand `cmd:"" help:"Projects: where incidents belong."`
	Member   memberCommand   `cmd:"" help:"Members: people, their roles, invitations."`
	Key      apiKeyCommand   `cmd:"" help:"API keys: how programs come in."`
	Incident incidentCommand `cmd:"" help:"Incidents: see them, open them, work on them."`
	Audit    auditCommand    `cmd:"" help:"The audit log: read it, take it away, prove it."`
	API      apiCommand      `cmd:"" name:"api" help:"Send any request to the native API."`

	Completion completionCommand `cmd:"" help:"Print what makes a shell complete commands and flags."`
	Complete   completeCommand   `cmd:"" name:"__complete" hidden:"" passthrough:""`
	Help       helpCommand       `cmd:"" help:"Explain a command, or: exit-codes, environment, formatting."`
}

// console is where a command reads and writes, its environment, and what stops it.
type console struct {
	ctx     context.Context
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	environ []string
}

// env returns a variable of the environment, or "".
func (c console) env(name string) string {
	for _, entry := range c.environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// logger returns the server's logger: JSON lines on standard error.
func (c console) logger(least slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(c.stderr, &slog.HandlerOptions{Level: least}))
}

// A usageError is a mistake in the flags or settings.
type usageError struct{ error }

// Run runs the command that args name and returns the exit code: 0 done, 1
// failed, 2 not understood; further ones of commands that ask a server.
func Run(args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
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
		kong.Vars{"default_listen": defaultListen, "default_rate_limit": strconv.Itoa(defaultRateLimit)},
		kong.Resolvers(secretFiles{}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		fmt.Fprintf(stderr, "tocsin: %v\n", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	unknown := unknownVariables(parser.Model, environ)
	k, err := parser.Parse(args)
	if code >= 0 {
		return code // help was asked for
	}
	if err = errors.Join(err, unknown); err == nil {
		err = k.Run(console{ctx, stdin, stdout, stderr, environ}, parser.Model)
	} else {
		err = usageError{err}
	}
	return finish(err, stderr)
}

// An exitError is an error with an exit code of its own.
type exitError struct {
	error
	code int
}

func (e exitError) Unwrap() error { return e.error }

// finish says what went wrong, if anything, and returns the exit code.
func finish(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	if text := err.Error(); text != "" {
		fmt.Fprintf(stderr, "tocsin: %s\n", paragraph(text))
	}
	var usage usageError
	var exit exitError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "Run 'tocsin --help' or 'tocsin <command> --help' for what there is.")
		return exitUsage
	case errors.As(err, &exit):
		return exit.code
	default:
		return exitFailed
	}
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
