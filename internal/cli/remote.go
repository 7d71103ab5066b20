package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"tocsin/client"
	"tocsin/internal/secret"
)

// remote says which server to ask and with which token, for every command that
// asks one.
type remote struct {
	Context string        `short:"C" placeholder:"NAME" help:"Stored context to use, in place of the current one."`
	URL     string        `name:"url" placeholder:"URL" env:"TOCSIN_URL" help:"Server to ask, in place of a stored context's."`
	Token   secret.Secret `hidden:"" env:"TOCSIN_TOKEN" secret:""`
	Debug   bool          `help:"Show requests and answers on standard error, without tokens."`
}

// AfterApply refuses a token among the arguments, where everybody on the
// machine can read it, and hands the settings to the command's Run.
func (r *remote) AfterApply(k *kong.Context) error {
	if given(k, "token") {
		return errTokenGiven
	}
	if given(k, "url") && r.Context != "" {
		return errors.New("--url and --context: give one of them")
	}
	k.Bind(r)
	return nil
}

var errTokenGiven = errors.New("--token: others on this machine can read arguments; use TOCSIN_TOKEN_FILE or TOCSIN_TOKEN, or sign in with 'tocsin login URL'")

// given reports whether a flag is among the arguments.
func given(k *kong.Context, flag string) bool {
	return slices.ContainsFunc(k.Path, func(p *kong.Path) bool {
		return p.Flag != nil && !p.Resolved && p.Flag.Name == flag
	})
}

// A target is a server and what to show it.
type target struct {
	url, token string
}

// target decides which server and token a command means: a context that was
// named beats the environment, and that the current context. A stored token is
// shown to the server that it was stored for and to no other.
func (r *remote) target(c console) (target, error) {
	kept, err := openContexts(c)
	if err != nil {
		return target{}, err
	}
	t := target{url: r.URL, token: r.Token.Reveal()}
	name := r.Context
	if name == "" && t.url == "" {
		name = kept.Current
	}
	switch {
	case name != "":
		stored, ok := kept.Contexts[name]
		if !ok {
			return t, unknownContext(name, kept)
		}
		t.url = stored.URL
	case t.url == "":
		return t, exitError{errors.New("signed in nowhere. Run 'tocsin login https://…', or set TOCSIN_URL and TOCSIN_TOKEN_FILE"), exitSignIn}
	default:
		name = kept.of(t.url)
	}
	if t.token == "" && name != "" {
		if t.token, err = kept.token(name); err != nil {
			return t, err
		}
	}
	if t.token == "" {
		return t, exitError{fmt.Errorf("there is no token for %s. Run 'tocsin login %s', or set TOCSIN_TOKEN_FILE", t.url, t.url), exitSignIn}
	}
	return t, nil
}

// A caller is one command's work with a server.
type caller struct {
	*client.Client
	ctx context.Context
	out printer
	// people are names of users by id, as far as they have been looked up.
	people map[string]string
}

// dial returns a client of a server.
func (r *remote) dial(c console, t target) (*client.Client, error) {
	transport := http.DefaultTransport
	if r.Debug {
		transport = debugTransport{transport, c.stderr}
	}
	api, err := client.New(t.url, t.token, client.WithHTTPClient(&http.Client{Transport: transport}), client.WithUserAgent("tocsin/"+version()))
	if err != nil {
		return nil, usageError{err}
	}
	return api, nil
}

// call connects and runs do, which prints Ts as s says. Asked only which fields
// a T has, it prints them and connects to nobody.
func call[T any](c console, r *remote, s shaped, do func(*caller) error) error {
	names := fieldsOf[T]()
	if s.JSON.list {
		_, err := fmt.Fprintln(c.stdout, strings.Join(names, "\n"))
		return err
	}
	out, err := newPrinter(c, s, names)
	if err != nil {
		return err
	}
	t, err := r.target(c)
	if err != nil {
		return err
	}
	api, err := r.dial(c, t)
	if err != nil {
		return err
	}
	return explain(do(&caller{Client: api, ctx: c.ctx, out: out, people: map[string]string{}}))
}

// writing is for commands that change something.
type writing struct {
	DryRun bool `help:"Show what would change, and change nothing."`
}

// change asks for a change, or in a dry run what it would come to. done tells of
// the result.
func change[T any](s *caller, w writing, do func(...client.CallOption) (T, error), done func(T) error) error {
	if w.DryRun {
		var p client.Preview
		if _, err := do(client.DryRun(&p)); err != nil {
			return err
		}
		return s.previewed(p)
	}
	v, err := do()
	if err != nil {
		return err
	}
	return done(v)
}

// previewed prints what would change.
func (s *caller) previewed(p client.Preview) error {
	if s.out.shaped.asked() {
		return s.out.value(p)
	}
	if len(p.Changes) == 0 {
		s.say("Nothing would change.")
	}
	for _, c := range p.Changes {
		if _, err := fmt.Fprintf(s.out.stdout, "would do %s to %s %s\n", escaped(c.Action), escaped(c.Kind), escaped(c.ID)); err != nil {
			return err
		}
		for _, f := range c.Fields {
			if _, err := fmt.Fprintf(s.out.stdout, "  %s: %s → %s\n", escaped(f.Name), escaped(valueText(f.Old)), escaped(valueText(f.New))); err != nil {
				return err
			}
		}
	}
	return nil
}

// say talks: on standard error, so that a pipe has the data alone.
func (s *caller) say(format string, args ...any) {
	for i, a := range args {
		if text, ok := a.(string); ok {
			args[i] = escaped(text)
		}
	}
	fmt.Fprintf(s.out.stderr, format+"\n", args...)
}

// consent is for commands whose work cannot be undone.
type consent struct {
	Yes bool `short:"y" help:"Do not ask whether it is meant."`
}

// given asks whether something is meant, where there is somebody to ask.
func (y consent) given(c console, question string) error {
	if y.Yes {
		return nil
	}
	if !isTerminal(c.stdin) || !isTerminal(c.stderr) {
		return usageError{fmt.Errorf("%s Say so with --yes", question)}
	}
	fmt.Fprintf(c.stderr, "%s [y/N] ", escaped(question))
	answer, err := readLine(c)
	if err != nil {
		return err
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return exitError{errors.New("cancelled; nothing was changed"), exitUsage}
	}
	return nil
}

// sameServer reports whether two addresses are of one server.
func sameServer(a, b string) bool { return normalURL(a) == normalURL(b) }

// normalURL writes an address in one way.
func normalURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	host := strings.ToLower(u.Host)
	for scheme, port := range map[string]string{"http": ":80", "https": ":443"} {
		if u.Scheme == scheme {
			host = strings.TrimSuffix(host, port)
		}
	}
	return u.Scheme + "://" + host + strings.TrimSuffix(u.Path, "/")
}

// collect reads a list up to limit items; 0 is all.
func collect[T any](items func(func(T, error) bool), limit int) ([]T, error) {
	all := []T{}
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
		if limit > 0 && len(all) >= limit {
			break
		}
	}
	return all, nil
}

// parseWhen reads a time of the past or to come: a time or a day (UTC), or how
// long ago, as in 2h or 7d; nothing given is the zero time.
func parseWhen(flag, given string, now time.Time) (time.Time, error) {
	if given == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, given); err == nil {
			return t.UTC(), nil
		}
	}
	if d, ok := parseSpan(given); ok {
		return now.Add(-d).UTC(), nil
	}
	return time.Time{}, usageError{fmt.Errorf("--%s %q: must be a time, a day or how long ago, as in 2026-11-22T18:00:00Z, 2026-11-22, 2h or 7d", flag, given)}
}

// parseSpan reads a length of time: Go's units, and d for days.
func parseSpan(given string) (time.Duration, bool) {
	if digits, ok := strings.CutSuffix(given, "d"); ok {
		d, err := time.ParseDuration(digits + "h")
		return d * 24, err == nil && d > 0 && d < 1<<20*time.Hour
	}
	d, err := time.ParseDuration(given)
	return d, err == nil && d > 0
}

// orDash is text, or a dash for none.
func orDash(text string) string { return cmp.Or(text, "-") }
