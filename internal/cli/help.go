package cli

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type helpCommand struct {
	Topic []string `arg:"" optional:"" help:"A command, or exit-codes, environment, formatting."`
}

// Help returns the examples.
func (helpCommand) Help() string {
	return "Examples:\n\n  tocsin help incident ack\n  tocsin help exit-codes\n  tocsin help environment\n  tocsin help formatting"
}

// Run prints the help of a topic or a command.
func (cmd helpCommand) Run(c console, model *kong.Application) error {
	text := ""
	switch topic := strings.Join(cmd.Topic, " "); topic {
	case "exit-codes":
		text = exitCodesHelp
	case "environment":
		text = environmentHelp(model)
	case "formatting":
		text = formattingHelp
	default:
		node := model.Node
		for _, word := range cmd.Topic {
			child := commandNamed(node, word)
			if child == nil {
				return usageError{unknownTopic(word, node)}
			}
			node = child
		}
		// The command line itself knows best how its help looks.
		if code := Run(append(cmd.Topic, "--help"), c.environ, c.stdin, c.stdout, c.stderr); code != exitOK {
			return exitError{fmt.Errorf("there is no help of %q", topic), code}
		}
		return nil
	}
	_, err := fmt.Fprint(c.stdout, text)
	return err
}

func unknownTopic(word string, node *kong.Node) error {
	names := []string{"exit-codes", "environment", "formatting"}
	for _, child := range node.Children {
		if !child.Hidden {
			names = append(names, child.Name)
		}
	}
	hint := ""
	if near := nearest(word, names); len(near) > 0 {
		hint = fmt.Sprintf(". Did you mean %s?", strings.Join(near, " or "))
	}
	return fmt.Errorf("there is no help of %q%s", word, hint)
}

const exitCodesHelp = `What the program's exit code means:

  0  done
  1  failed
  2  cancelled, or not used as it should be
  3  there is no such thing, or none that you may see
  4  sign-in needed: the token is missing, wrong, expired or revoked
  5  conflict: the state of the thing does not allow it, or it has changed since
  6  the server cannot be reached, or is too busy

Of several incidents that one command names, the first failure gives the code.
'tocsin audit verify' answers 0 proven, 1 tampered with, 2 cannot tell.
`

const formattingHelp = `Data goes to standard output, talk to standard error.

On a terminal, lists are tables with a heading and times are relative; long
texts are cut to fit. Into a pipe, lists are lines with a tab between values,
nothing is cut, and times are RFC 3339 (UTC). Control characters in what comes
from a server are shown as escapes.

  --json                  lists the fields there are
  --json number,title     prints JSON with these fields: an array for a list
  --jq EXPRESSION         prints what a jq expression makes of the JSON

  tocsin incident list --json number,severity --jq '.[] | select(.severity == "critical") | .number'

Texts that a jq expression gives are printed bare, all else as JSON.
`

// environmentHelp lists every variable that is a setting.
func environmentHelp(model *kong.Application) string {
	var b strings.Builder
	b.WriteString("Variables of the environment. A flag beats its variable.\n\n")
	seen := map[string]bool{}
	_ = kong.Visit(model, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			for _, name := range f.Envs {
				if seen[name] {
					continue
				}
				seen[name] = true
				help := f.Help
				if name == "TOCSIN_TOKEN" {
					help = "API key's token to show the server, in place of a stored one."
				}
				fmt.Fprintf(&b, "  %s\n      %s\n", name, help)
				if f.Tag.Has("secret") {
					fmt.Fprintf(&b, "  %s_FILE\n      File that holds it.\n", name)
				}
			}
		}
		return next(nil)
	})
	b.WriteString(`  XDG_CONFIG_HOME
      Where settings are kept, in tocsin/config.json; tokens beside it, in files
      that only their owner can read (default ~/.config).
  NO_COLOR
      If set, no colours.
  CLICOLOR_FORCE
      If set, colours into a pipe too.
`)
	return b.String()
}
