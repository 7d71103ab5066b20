package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// contexts is what the program remembers between two commands: which servers
// there are, in config.json, and the token of each in a file of its own.
type contexts struct {
	// Current is the context in use unless another is named.
	Current  string                   `json:"current,omitempty"`
	Contexts map[string]serverContext `json:"contexts"`

	dir string
}

// A serverContext is one server that there is a name for.
type serverContext struct {
	URL string `json:"url"`
}

// contextNames are names that do as names of files everywhere.
var contextNames = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// openContexts reads what is remembered; nothing is so at first.
func openContexts(c console) (*contexts, error) {
	dir := c.env("XDG_CONFIG_HOME")
	if dir == "" && c.env("HOME") != "" {
		dir = filepath.Join(c.env("HOME"), ".config")
	}
	if dir == "" && runtime.GOOS == "windows" {
		dir = c.env("APPDATA")
	}
	kept := &contexts{Contexts: map[string]serverContext{}}
	if dir == "" {
		return kept, nil
	}
	kept.dir = filepath.Join(dir, "tocsin")
	text, err := os.ReadFile(kept.file())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return kept, nil
	case err != nil:
		return nil, fmt.Errorf("read the stored contexts: %w", err)
	}
	if err := json.Unmarshal(text, kept); err != nil {
		return nil, fmt.Errorf("read the stored contexts: %s: %w. Correct the file, or remove it and sign in again", kept.file(), err)
	}
	return kept, nil
}

func (k *contexts) file() string { return filepath.Join(k.dir, "config.json") }

func (k *contexts) tokenFile(name string) string { return filepath.Join(k.dir, "tokens", name) }

// of returns the context of a server's address, the current one first, or "".
func (k *contexts) of(url string) string {
	names := slices.Sorted(maps.Keys(k.Contexts))
	for _, name := range append([]string{k.Current}, names...) {
		if stored, ok := k.Contexts[name]; ok && sameServer(stored.URL, url) {
			return name
		}
	}
	return ""
}

// token returns a context's token, or "" if it has none.
func (k *contexts) token(name string) (string, error) {
	if !contextNames.MatchString(name) {
		return "", fmt.Errorf("%q in %s is not a name that a context can have", name, k.file())
	}
	path := k.tokenFile(name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the stored token: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("others can read the token in %[1]s. Run 'chmod 600 %[1]s', and rotate the key if they may have", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the stored token: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// put remembers a context and, unless it is empty, its token.
func (k *contexts) put(name, url, token string) error {
	if !contextNames.MatchString(name) {
		return usageError{fmt.Errorf("%q cannot name a context: use letters, digits, dots, dashes", name)}
	}
	if k.dir == "" {
		return errors.New("there is no place for settings: set XDG_CONFIG_HOME or HOME")
	}
	if stored, ok := k.Contexts[name]; ok && token == "" && !sameServer(stored.URL, url) {
		// The old token belongs to the old server.
		if err := k.forgetToken(name); err != nil {
			return err
		}
	}
	if token != "" {
		if err := writePrivate(k.tokenFile(name), []byte(token+"\n")); err != nil {
			return fmt.Errorf("store the token: %w", err)
		}
	}
	k.Contexts[name] = serverContext{URL: url}
	return k.save()
}

// remove forgets a context and its token.
func (k *contexts) remove(name string) error {
	if _, ok := k.Contexts[name]; !ok {
		return unknownContext(name, k)
	}
	if err := k.forgetToken(name); err != nil {
		return err
	}
	delete(k.Contexts, name)
	if k.Current == name {
		k.Current = ""
	}
	return k.save()
}

func (k *contexts) forgetToken(name string) error {
	if err := os.Remove(k.tokenFile(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the stored token: %w", err)
	}
	return nil
}

func (k *contexts) save() error {
	text, err := json.MarshalIndent(k, "", "  ")
	if err == nil {
		err = writePrivate(k.file(), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("store the contexts: %w", err)
	}
	return nil
}

// writePrivate writes a file that its owner alone can read, whole or not at all.
func writePrivate(path string, text []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func unknownContext(name string, k *contexts) error {
	hint := ""
	if near := nearest(name, slices.Collect(maps.Keys(k.Contexts))); len(near) > 0 {
		hint = fmt.Sprintf(" Did you mean %s?", strings.Join(near, " or "))
	}
	return exitError{fmt.Errorf("there is no context %q.%s See 'tocsin context list'", name, hint), exitNotFound}
}
