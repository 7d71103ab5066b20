package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish,powershell" help:"bash, zsh, fish or powershell."`
}

// Help returns the examples.
func (completionCommand) Help() string {
	return "Examples:\n\n" +
		"  tocsin completion bash >/etc/bash_completion.d/tocsin\n" +
		"  tocsin completion zsh >\"${fpath[1]}/_tocsin\"\n" +
		"  tocsin completion fish >~/.config/fish/completions/tocsin.fish\n" +
		"  tocsin completion powershell >>$PROFILE"
}

// Run prints the script for a shell.
func (cmd completionCommand) Run(c console) error {
	_, err := fmt.Fprint(c.stdout, completionScript(cmd.Shell))
	return err
}

// completionScript returns what makes a shell ask the program itself what may
// come next: it knows its commands, and a script would have to be kept in step.
func completionScript(shell string) string {
	switch shell {
	case "bash":
		return `_tocsin() {
  local IFS=$'\n'
  COMPREPLY=($(compgen -W "$(tocsin __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _tocsin tocsin
`
	case "zsh":
		return `#compdef tocsin
_tocsin() {
  local -a found
  local name text
  while IFS=$'\t' read -r name text; do
    found+=("${name//:/\\:}:$text")
  done < <(tocsin __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#found )); then _describe tocsin found; else _files; fi
}
compdef _tocsin tocsin
`
	case "fish":
		return `function __tocsin_complete
  set -l words (commandline -opc) (commandline -ct)
  tocsin __complete $words[2..-1] 2>/dev/null
end
complete -c tocsin -a '(__tocsin_complete)'
`
	default:
		return `Register-ArgumentCompleter -Native -CommandName tocsin -ScriptBlock {
  param($word, $ast, $cursor)
  $words = @($ast.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { "$_" }) + @("$word")
  tocsin __complete @words 2>$null | ForEach-Object {
    $name, $text = $_ -split "` + "`t" + `", 2
    [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $(if ($text) { $text } else { $name }))
  }
}
`
	}
}

type completeCommand struct {
	Words []string `arg:"" optional:""`
}

// Run prints what may come in place of the last word: a line each, with a tab
// and what it is for behind it.
func (cmd completeCommand) Run(c console, model *kong.Application) error {
	for _, line := range completions(model.Node, cmd.Words) {
		if _, err := fmt.Fprintln(c.stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// completions returns what may come in place of the last of words.
func completions(node *kong.Node, words []string) []string {
	last := ""
	if len(words) > 0 {
		words, last = words[:len(words)-1], words[len(words)-1]
	}
	var awaiting *kong.Flag // a flag whose value comes next
	for _, w := range words {
		if awaiting != nil {
			awaiting = nil
			continue
		}
		if strings.HasPrefix(w, "-") {
			if f := flagNamed(node, w); f != nil && !f.IsBool() && !strings.Contains(w, "=") {
				awaiting = f
			}
			continue
		}
		if child := commandNamed(node, w); child != nil {
			node = child
		}
	}
	var found []string
	offer := func(name, help string) {
		if strings.HasPrefix(name, last) {
			found = append(found, name+"\t"+firstSentence(help))
		}
	}
	switch {
	case awaiting != nil:
		for _, value := range awaiting.EnumSlice() {
			offer(value, "")
		}
	case strings.HasPrefix(last, "-"):
		for _, group := range node.AllFlags(true) {
			for _, f := range group {
				offer("--"+f.Name, f.Help)
			}
		}
	default:
		for _, child := range node.Children {
			if child.Type == kong.CommandNode && !child.Hidden {
				offer(child.Name, child.Help)
			}
		}
		for _, p := range node.Positional {
			for _, value := range p.EnumSlice() {
				offer(value, "")
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func flagNamed(node *kong.Node, word string) *kong.Flag {
	name, _, _ := strings.Cut(word, "=")
	for _, group := range node.AllFlags(false) {
		for _, f := range group {
			if name == "--"+f.Name || f.Short != 0 && name == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

func commandNamed(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Type == kong.CommandNode && child.Name == name {
			return child
		}
	}
	return nil
}

// firstSentence is a help text up to its first stop or colon.
func firstSentence(help string) string {
	if i := strings.IndexAny(help, ".;:"); i > 0 {
		return help[:i]
	}
	return help
}
