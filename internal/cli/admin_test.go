package cli_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"tocsin/internal/cli"
)

// A told is what a command came to.
type told struct {
	code           int
	stdout, stderr string
}

// tell runs one command line.
func tell(args ...string) told {
	var stdout, stderr bytes.Buffer
	code := cli.Run(args, nil, strings.NewReader(""), &stdout, &stderr)
	return told{code, stdout.String(), stderr.String()}
}

// an operator tells admin commands to one database.
type operator struct {
	t   *testing.T
	dir string
}

func newOperator(t *testing.T) operator {
	t.Helper()
	o := operator{t, t.TempDir()}
	o.does("org", "create", "Meridian Payments")
	return o
}

// does runs a command that must succeed and returns what it printed, without
// the end of the line.
func (o operator) does(args ...string) string {
	o.t.Helper()
	got := o.tries(args...)
	if got.code != 0 {
		o.t.Fatalf("tocsin admin %q exits with %d: %s", args, got.code, got.stderr)
	}
	return strings.TrimSuffix(got.stdout, "\n")
}

func (o operator) tries(args ...string) told {
	return tell(append([]string{"admin", "--data", o.dir}, args...)...)
}

// decode reads what a command printed with --json as one object.
func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("the output is not one JSON object: %v\n%s", err, text)
	}
	return object
}

// subcommands returns the commands that a help text lists, as they are typed.
func subcommands(help string) [][]string {
	_, list, _ := strings.Cut(help, "Commands:\n")
	var found [][]string
	for line := range strings.Lines(list) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "  "), "  "); ok && !strings.HasPrefix(line, "   ") {
			found = append(found, strings.Fields(name))
		}
	}
	return found
}

func TestTheHelpOfEachCommandHasAnExampleOfIt(t *testing.T) {
	t.Parallel()
	var examples int
	var look func(command []string)
	look = func(command []string) {
		help := tell(append(command, "--help")...).stdout
		below := subcommands(help)
		for _, c := range below {
			look(c)
		}
		if len(below) > 0 || len(command) == 1 && command[0] == "version" {
			return
		}
		examples++
		text, _, _ := strings.Cut(help, "Flags:")
		if !strings.Contains(text, "\n    tocsin "+strings.Join(command, " ")) {
			t.Errorf("the help of %q has no example of it before the flags: add it to its Help method\n%s", command, help)
		}
	}
	look(nil)
	if examples < 20 {
		t.Errorf("only %d commands were found; is the help still read as it is written?", examples)
	}
}

func TestCreatePrintsAnIDForScripts(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	id := o.does("project", "create", "shop")
	if !regexp.MustCompile(`^[0-9a-f-]{36}$`).MatchString(id) {
		t.Errorf("project create prints %q, not an id alone", id)
	}
	if listed := o.does("project", "list"); !strings.HasPrefix(listed, id+"\tshop\t") {
		t.Errorf("project list into a pipe prints %q; want the id, a tab and the name, without a heading", listed)
	}
}

func TestJSONOfACreateIsThatOfTheList(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.does("project", "create", "shop")
	o.does("dataset", "create", "orders")
	o.does("user", "create", "ada@example.org", "--name", "Ada Okafor")
	for _, c := range []struct {
		noun string
		args []string
	}{
		{"check", []string{"payments", "--dataset", "orders", "--url", "https://payments.example.com"}},
		{"role", []string{"Observer", "incidents.view", "audit.view"}},
		{"grant", []string{"--user", "ada@example.org", "--role", "Editor", "--dataset", "orders"}},
	} {
		made := decode(t, o.does(append([]string{c.noun, "create", "--json"}, c.args...)...))
		lines := strings.Split(o.does(c.noun, "list", "--json"), "\n")
		last := decode(t, lines[len(lines)-1])
		for name, value := range last {
			if want, got := text(t, value), text(t, made[name]); want != got {
				t.Errorf("%s create --json has %s %s, and list --json %s", c.noun, name, got, want)
			}
		}
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheTokenOfAKeyIsPrintedOnceAndOnlyOnStandardOutput(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.does("user", "create", "ada@example.org", "--name", "Ada Okafor")
	got := o.tries("key", "create", "--user", "ada@example.org", "--name", "script", "--json")
	token, _ := decode(t, got.stdout)["token"].(string)
	if !strings.HasPrefix(token, "tcn_") || strings.Count(got.stdout, token) != 1 {
		t.Errorf("key create --json prints %s; want the token once", got.stdout)
	}
	if strings.Contains(got.stderr, "tcn_") || !strings.Contains(got.stderr, "not be shown again") {
		t.Errorf("key create says %q; want only that the token will not be shown again", got.stderr)
	}
	for _, args := range [][]string{{"key", "list"}, {"key", "list", "--json"}} {
		if listed := o.does(args...); strings.Contains(listed, "tcn_") || strings.Contains(listed, token[36:100]) {
			t.Errorf("%q shows the token", args)
		}
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.does("user", "create", "ada@example.org", "--name", "Ada Okafor")
	create := func(expires string) told {
		return o.tries("key", "create", "--json", "--user", "ada@example.org", "--name", "k", "--expires", expires)
	}
	for given, want := range map[string]string{
		"2999-01-31":                "2999-01-31T00:00:00Z",
		"2999-01-31T18:00:00+02:00": "2999-01-31T16:00:00Z",
	} {
		if got := create(given); got.code != 0 || decode(t, got.stdout)["expires_at"] != want {
			t.Errorf("--expires %s: exit %d, %s%s; want expires_at %s", given, got.code, got.stdout, got.stderr, want)
		}
	}
	for _, given := range []string{"90d", "12h", "1h30m"} {
		if got := create(given); got.code != 0 || decode(t, got.stdout)["expires_at"] == nil {
			t.Errorf("--expires %s: exit %d, %s%s; want a key that expires", given, got.code, got.stdout, got.stderr)
		}
	}
	for _, given := range []string{"0d", "-1d", "-3h", "0s", "2020-01-01", "tomorrow", "90", "2999-13-01", "99999999d"} {
		if got := create(given); got.code != 2 || !strings.Contains(got.stderr, "--expires") {
			t.Errorf("--expires %s: exit %d, %s%s; want wrong use that names the flag", given, got.code, got.stdout, got.stderr)
		}
	}
}

func TestANameCannotCommandTheTerminalOrBreakALine(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.does("project", "create", "a\tb\nc\x1b[31m")
	if listed := o.does("project", "list"); strings.ContainsAny(listed, "\n\x1b") || strings.Count(listed, "\t") != 2 {
		t.Errorf("project list prints the name's control characters: %q", listed)
	}
}

func TestMistakesSayWhatIsNear(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.does("project", "create", "Online shop")
	o.does("project", "create", "Warehouse")
	for _, c := range []struct {
		given, want string
	}{
		{"Warehuose", `Did you mean "Warehouse"?`},
		{"shop", `Did you mean "Online shop"?`},
		{"WAREHOUSE", `Did you mean "Warehouse"?`},
		{"Marketing", `there is no project "Marketing". See 'tocsin admin project list'`},
	} {
		got := o.tries("dataset", "create", "d", "--project", c.given)
		if got.code != 1 || !strings.Contains(got.stderr, c.want) {
			t.Errorf("--project %s: exit %d, %s; want exit 1 and %s", c.given, got.code, got.stderr, c.want)
		}
	}
}
