package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"tocsin/client"
	"tocsin/internal/secret"
)

// maxSecret bounds what is read of a token, in bytes.
const maxSecret = 4 << 10

type loginCommand struct {
	Server         string        `arg:"" name:"url" help:"Address of the server, as in https://tocsin.example.org."`
	TokenFile      string        `placeholder:"FILE" help:"File with the API key's token; - is standard input."`
	InvitationFile string        `placeholder:"FILE" help:"File with an invitation's token to accept; - is standard input."`
	Name           string        `placeholder:"NAME" help:"Your full name, to accept an invitation with."`
	Context        string        `short:"C" placeholder:"NAME" help:"Name to store the server under (default: its host)."`
	Token          secret.Secret `hidden:"" env:"TOCSIN_TOKEN" secret:""`
	Debug          bool          `help:"Show requests and answers on standard error, without tokens."`
}

// Help returns the examples.
func (loginCommand) Help() string {
	return "Examples:\n\n" +
		"  tocsin login https://tocsin.example.org\n" +
		"  tocsin login https://tocsin.example.org <token.txt\n" +
		"  tocsin login https://tocsin.example.org --token-file /run/secrets/tocsin --context prod\n" +
		"  tocsin login https://tocsin.example.org --invitation-file invitation.txt --name 'Ada Okafor'\n\n" +
		"The token is read from the file, from TOCSIN_TOKEN, from standard input or from a prompt that does not show it; " +
		"never from an argument. It is kept in a file that only you can read."
}

// AfterApply refuses a token among the arguments.
func (loginCommand) AfterApply(k *kong.Context) error {
	if given(k, "token") {
		return errTokenGiven
	}
	return nil
}

// Validate returns every mistake in the flags.
func (cmd loginCommand) Validate() error {
	if cmd.TokenFile != "" && cmd.InvitationFile != "" {
		return errors.New("--token-file and --invitation-file: give one of them")
	}
	if cmd.Name != "" && cmd.InvitationFile == "" {
		return errors.New("--name: goes with --invitation-file")
	}
	return nil
}

// Run checks the token with the server and stores both.
func (cmd loginCommand) Run(c console) error {
	r := remote{Debug: cmd.Debug}
	kept, err := openContexts(c)
	if err != nil {
		return err
	}
	name := cmp.Or(cmd.Context, contextNameOf(cmd.Server))
	if !contextNames.MatchString(name) {
		return usageError{fmt.Errorf("%q cannot name a context: give a name with --context", name)}
	}
	token, err := cmd.token(c, &r)
	if err != nil {
		return explain(err)
	}
	api, err := r.dial(c, target{cmd.Server, token})
	if err != nil {
		return err
	}
	warnOfPlainHTTP(c, cmd.Server)
	me, err := api.Me(c.ctx)
	if err != nil {
		if cmd.InvitationFile != "" {
			// The invitation is spent: its token must not be lost with the answer.
			err = errors.Join(err, kept.put(name, cmd.Server, token))
		}
		return explain(err)
	}
	kept.Current = name
	if err := kept.put(name, cmd.Server, token); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stderr, "Signed in to %s as %s (%s) of %s. Context: %s\n",
		escaped(cmd.Server), escaped(me.User.Name), escaped(me.User.Email), escaped(me.Organisation.Name), name)
	return err
}

// token returns the API key's token, by accepting an invitation if there is one.
func (cmd loginCommand) token(c console, r *remote) (string, error) {
	if cmd.InvitationFile == "" {
		if cmd.TokenFile == "" && cmd.Token != "" {
			return cmd.Token.Reveal(), nil
		}
		return readSecret(c, cmd.TokenFile, "Token: ", "TOCSIN_TOKEN_FILE, --token-file or standard input")
	}
	name := cmd.Name
	if name == "" {
		if !isTerminal(c.stdin) {
			return "", usageError{errors.New("--name: say your full name to accept an invitation")}
		}
		fmt.Fprint(c.stderr, "Your full name: ")
		var err error
		if name, err = readLine(c); err != nil {
			return "", err
		}
	}
	invitation, err := readSecret(c, cmd.InvitationFile, "Invitation: ", "--invitation-file")
	if err != nil {
		return "", err
	}
	api, err := r.dial(c, target{url: cmd.Server})
	if err != nil {
		return "", err
	}
	accepted, err := api.Invitations.Accept(c.ctx, invitation, strings.TrimSpace(name))
	if err != nil {
		return "", err
	}
	if accepted.Token == "" {
		return "", fmt.Errorf("the invitation was accepted, but the connection broke before the token came. Ask an administrator for a key of %s", accepted.User.Email)
	}
	return accepted.Token, nil
}

// readSecret reads a secret from a file, standard input, or a prompt without
// echo where there is somebody to type it.
func readSecret(c console, file, prompt, ways string) (string, error) {
	var text []byte
	var err error
	switch stdin, onTerminal := c.stdin.(*os.File); {
	case file != "" && file != "-":
		var f *os.File
		if f, err = os.Open(file); err != nil {
			return "", err
		}
		defer f.Close()
		text, err = io.ReadAll(io.LimitReader(f, maxSecret))
	case onTerminal && isTerminal(stdin):
		fmt.Fprint(c.stderr, prompt)
		text, err = term.ReadPassword(int(stdin.Fd()))
		fmt.Fprintln(c.stderr)
	default:
		text, err = io.ReadAll(io.LimitReader(c.stdin, maxSecret))
	}
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", usageError{fmt.Errorf("there is no token: give it by %s", ways)}
	}
	return secret, nil
}

// readLine reads one line of standard input.
func readLine(c console) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(c.stdin, maxSecret)).ReadString('\n')
	if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// contextNameOf makes a context's name of a server's address.
func contextNameOf(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	return strings.Trim(regexp.MustCompile(`[^A-Za-z0-9.-]+`).ReplaceAllString(u.Host, "-"), "-.")
}

// warnOfPlainHTTP says so where a token would travel for all to read.
func warnOfPlainHTTP(c console, server string) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" || u.Hostname() == "localhost" {
		return
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		fmt.Fprintln(c.stderr, "Warning: over http the token travels unencrypted; use https beyond this machine")
	}
}

type logoutCommand struct {
	Context string `short:"C" placeholder:"NAME" help:"Context to forget, in place of the current one."`
}

// Help returns the example.
func (logoutCommand) Help() string {
	return "Examples:\n\n  tocsin logout\n  tocsin logout --context prod\n\nThe key itself stays good: 'tocsin key revoke ID' ends it."
}

// Run forgets a context and its token.
func (cmd logoutCommand) Run(c console) error {
	kept, err := openContexts(c)
	if err != nil {
		return err
	}
	name := cmp.Or(cmd.Context, kept.Current)
	if name == "" {
		return exitError{errors.New("signed in nowhere; 'tocsin context list' shows what there is"), exitSignIn}
	}
	stored := kept.Contexts[name]
	if err := kept.remove(name); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stderr, "Forgot %s (%s) and its token. The key stays good until 'tocsin key revoke'\n", name, escaped(stored.URL))
	return err
}

type whoamiCommand struct {
	remote
	shaped
}

// Help returns the examples.
func (whoamiCommand) Help() string {
	return "Examples:\n\n  tocsin whoami\n  tocsin whoami --context prod\n  tocsin whoami --jq .user.email"
}

// Run prints whom the token stands for.
func (cmd whoamiCommand) Run(c console, r *remote) error {
	return call[client.Me](c, r, cmd.shaped, func(s *caller) error {
		me, err := s.Me(s.ctx)
		if err != nil {
			return err
		}
		may := "all that its owner may"
		if len(me.APIKey.Permissions) > 0 {
			may = strings.Join(me.APIKey.Permissions, ", ")
		}
		return showOne(s.out, me, func(w io.Writer) error {
			return s.out.facts(w, []fact{
				{"user", me.User.Name},
				{"email", me.User.Email},
				{"user id", me.User.ID},
				{"organisation", me.Organisation.Name},
				{"key", me.APIKey.Name},
				{"key id", me.APIKey.ID},
				{"key may", may},
				{"key's project", me.APIKey.ProjectID},
				{"key expires", s.out.time(me.APIKey.ExpiresAt)},
			})
		})
	})
}
