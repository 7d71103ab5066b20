package cli

import (
	"fmt"
	"maps"
	"slices"

	"tocsin/client"
)

type contextCommand struct {
	List   contextList   `cmd:"" help:"List the stored contexts."`
	Use    contextUse    `cmd:"" help:"Make a context the current one."`
	Add    contextAdd    `cmd:"" help:"Store a server under a name, without asking it."`
	Remove contextRemove `cmd:"" help:"Forget a context and its token."`
}

type contextRow struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	Current bool   `json:"current"`
	// SignedIn says that there is a token.
	SignedIn bool `json:"signed_in"`
}

type contextList struct{ shaped }

// Help returns the example.
func (contextList) Help() string { return "Example:\n\n  tocsin context list" }

// Run lists the contexts.
func (cmd contextList) Run(c console) error {
	if cmd.JSON.list {
		return call[contextRow](c, nil, cmd.shaped, nil)
	}
	out, err := newPrinter(c, cmd.shaped, fieldsOf[contextRow]())
	if err != nil {
		return err
	}
	kept, err := openContexts(c)
	if err != nil {
		return err
	}
	var rows []contextRow
	for _, name := range slices.Sorted(maps.Keys(kept.Contexts)) {
		token, err := kept.token(name)
		if err != nil {
			fmt.Fprintf(c.stderr, "tocsin: %v\n", err)
		}
		rows = append(rows, contextRow{name, kept.Contexts[name].URL, name == kept.Current, token != ""})
	}
	return show(out, rows, []column[contextRow]{
		{name: "", text: func(r contextRow) string { return choose(r.Current, "*", "") }},
		{name: "name", text: func(r contextRow) string { return r.Name }},
		{name: "url", text: func(r contextRow) string { return r.URL }},
		{name: "token", text: func(r contextRow) string { return choose(r.SignedIn, "stored", "") }},
	})
}

// choose is yes if it holds, else no.
func choose[T any](holds bool, yes, no T) T {
	if holds {
		return yes
	}
	return no
}

type contextUse struct {
	Name string `arg:"" help:"Its name."`
}

// Help returns the example.
func (contextUse) Help() string { return "Example:\n\n  tocsin context use prod" }

// Run makes a context the current one.
func (cmd contextUse) Run(c console) error {
	kept, err := openContexts(c)
	if err != nil {
		return err
	}
	if _, ok := kept.Contexts[cmd.Name]; !ok {
		return unknownContext(cmd.Name, kept)
	}
	kept.Current = cmd.Name
	return kept.save()
}

type contextAdd struct {
	Name      string `arg:"" help:"Name to store it under."`
	Server    string `arg:"" name:"url" help:"Address of the server."`
	TokenFile string `placeholder:"FILE" help:"File with the API key's token; - is standard input."`
}

// Help returns the examples.
func (contextAdd) Help() string {
	return "Examples:\n\n" +
		"  tocsin context add prod https://tocsin.example.org --token-file /run/secrets/tocsin\n" +
		"  tocsin context add staging https://staging.example.org\n\n" +
		"The server is not asked: 'tocsin login' does the same and checks the token. The first context becomes the current one."
}

// Run stores a context.
func (cmd contextAdd) Run(c console) error {
	kept, err := openContexts(c)
	if err != nil {
		return err
	}
	token := ""
	if cmd.TokenFile != "" {
		if token, err = readSecret(c, cmd.TokenFile, "Token: ", "--token-file"); err != nil {
			return err
		}
	}
	if _, err := client.New(cmd.Server, token); err != nil {
		return usageError{err}
	}
	if kept.Current == "" {
		kept.Current = cmd.Name
	}
	return kept.put(cmd.Name, cmd.Server, token)
}

type contextRemove struct {
	Name string `arg:"" help:"Its name."`
}

// Help returns the example.
func (contextRemove) Help() string { return "Example:\n\n  tocsin context remove staging" }

// Run forgets a context.
func (cmd contextRemove) Run(c console) error {
	kept, err := openContexts(c)
	if err != nil {
		return err
	}
	return kept.remove(cmd.Name)
}
