package cli

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"tocsin/internal/app"
	"tocsin/internal/secret"
)

// defaultData is where the embedded database lives unless told otherwise.
const defaultData = "./tocsin-data"

// storage says which database, for every command that opens one.
type storage struct {
	Data     string        `placeholder:"DIR" env:"TOCSIN_DATA" help:"Directory of the embedded database (default ./tocsin-data)."`
	Database secret.Secret `placeholder:"URL" env:"TOCSIN_DATABASE" secret:"" help:"PostgreSQL URL, postgres://user:password@host[,host…]/name; several hosts are tried in order. Also from the file that TOCSIN_DATABASE_FILE names."`
}

// problems returns every mistake in the settings.
func (s storage) problems() (errs []error) {
	if s.Data != "" && s.Database != "" {
		errs = append(errs, errors.New("--data and --database: give one of them"))
	}
	if url := s.Database.Reveal(); url != "" && !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		errs = append(errs, errors.New("--database: must begin with postgres://"))
	}
	return errs
}

// database returns the settings for the app.
func (s storage) database(server bool) app.Database {
	dir := s.Data
	if dir == "" {
		dir = defaultData
	}
	return app.Database{Dir: dir, URL: s.Database, Server: server}
}

// defaultState is where a node keeps what is not in a PostgreSQL database.
const defaultState = "./tocsin-state"

// node says where a server keeps what is its own, beside the database.
type node struct {
	State        string `placeholder:"DIR" env:"TOCSIN_STATE" help:"Directory of what this node keeps beside the database: the last audit checkpoints, and the key that signs them (default: the embedded database's own, or ./tocsin-state)."`
	AuditKeyFile string `placeholder:"FILE" env:"TOCSIN_AUDIT_KEY_FILE" help:"File with the key that signs the audit trail, the same on every node (default: audit.key in the state directory, made once)."`
}

// state is the directory, for a database.
func (n node) state(d app.Database) string {
	switch {
	case n.State != "":
		return n.State
	case d.URL != "":
		return defaultState
	default:
		return d.Dir
	}
}

// defaultRateLimit is how many requests a minute one key may make through the
// native API: many times what people and their scripts need.
const defaultRateLimit = 6000

// serving is how a server is reached.
type serving struct {
	Listen         string   `placeholder:"ADDR" env:"TOCSIN_LISTEN" help:"Address to listen on, host:port (default ${default_listen})."`
	PublicURL      string   `placeholder:"URL" env:"TOCSIN_PUBLIC_URL" help:"Base address in links (default: the address listened on)."`
	TrustedProxies []string `placeholder:"CIDR" env:"TOCSIN_TRUSTED_PROXIES" help:"Networks of proxies whose X-Forwarded-For is believed."`
	RateLimit      int      `placeholder:"N" env:"TOCSIN_RATE_LIMIT" default:"${default_rate_limit}" help:"Requests a minute that one key may make through the native API, on each node (default ${default}; 0 for any number)."`
}

// problems returns every mistake in the settings.
func (s serving) problems() (errs []error) {
	if s.Listen != "" {
		if _, port, err := net.SplitHostPort(s.Listen); err != nil || port == "" {
			errs = append(errs, fmt.Errorf("--listen %q: must be host:port, as in 127.0.0.1:8710 or :8710", s.Listen))
		}
	}
	if u, err := url.Parse(s.PublicURL); s.PublicURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "") {
		errs = append(errs, fmt.Errorf("--public-url %q: must be an http or https address, as in https://tocsin.example.org", s.PublicURL))
	}
	if s.RateLimit < 0 {
		errs = append(errs, fmt.Errorf("--rate-limit %d: must be 0 or more", s.RateLimit))
	}
	for _, p := range s.TrustedProxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			errs = append(errs, fmt.Errorf("--trusted-proxies %q: must be a network, as in 10.0.0.0/8", p))
		}
	}
	return errs
}

func (s serving) proxies() []netip.Prefix {
	var out []netip.Prefix
	for _, p := range s.TrustedProxies {
		out = append(out, netip.MustParsePrefix(p)) // problems has read it
	}
	return out
}

// variablePrefix begins the name of every setting in the environment.
const variablePrefix = "TOCSIN_"

// unknownVariables returns an error that names each TOCSIN_ variable that is no
// setting: a mistyped one must not be passed over. Orchestrators inject those
// of the service named tocsin (TOCSIN_PORT…, TOCSIN_SERVICE_…); they are let be.
func unknownVariables(model *kong.Application, environ []string) error {
	known := make(map[string]bool)
	_ = kong.Visit(model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			for _, name := range flag.Envs {
				known[name] = true
				known[name+"_FILE"] = flag.Tag.Has("secret")
			}
		}
		return next(nil)
	})
	var errs []error
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, variablePrefix) || known[name] ||
			strings.HasPrefix(name, "TOCSIN_PORT") || strings.HasPrefix(name, "TOCSIN_SERVICE_") {
			continue
		}
		errs = append(errs, fmt.Errorf("the environment variable %s is not a setting", name))
	}
	return errors.Join(errs...)
}

// secretFiles resolves a secret flag from the file that its variable's _FILE
// twin names, where neither flag nor variable gave it.
type secretFiles struct{}

// Validate is kong.Resolver's; there is nothing to check.
func (secretFiles) Validate(*kong.Application) error { return nil }

// Resolve is kong.Resolver's.
func (secretFiles) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !flag.Tag.Has("secret") {
		return nil, nil
	}
	for _, name := range flag.Envs {
		path := os.Getenv(name + "_FILE")
		if path == "" || os.Getenv(name) != "" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s_FILE: %w", name, err)
		}
		return strings.TrimRight(string(text), "\r\n"), nil
	}
	return nil, nil
}
