package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Client talks to one server with one token. It may be used by several
// goroutines at once.
type Client struct {
	// The resources, each with its own methods.
	Incidents    *Incidents
	Projects     *Projects
	Datasets     *Datasets
	Checks       *Checks
	Users        *Users
	Invitations  *Invitations
	Roles        *Roles
	RoleBindings *RoleBindings
	APIKeys      *APIKeys
	Audit        *Audit

	base     *url.URL
	token    string
	http     *http.Client
	agent    string
	attempts int
	timeout  time.Duration
	random   io.Reader
	sleep    func(context.Context, time.Duration) error
}

// Defaults.
const (
	// DefaultAttempts is how often a request is sent before its failure is told.
	DefaultAttempts = 5
	// DefaultTimeout is how long one attempt may take, its answer included.
	DefaultTimeout = 30 * time.Second
)

// New returns a client of the server at baseURL, as in
// https://tocsin.example.org, that shows token with each request. An empty
// token serves to accept an invitation and nothing else.
func New(baseURL, token string, opts ...Option) (*Client, error) {
	base, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("read the server's address: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("%q is not the address of a server; it looks like https://tocsin.example.org", base.Redacted())
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the token holds a space or a character that no token has")
	}
	c := &Client{
		base: base, token: token, http: http.DefaultClient, agent: "tocsin-client-go",
		attempts: DefaultAttempts, timeout: DefaultTimeout, random: rand.Reader, sleep: sleep,
	}
	for _, o := range opts {
		o(c)
	}
	// A redirect could carry a token or a change to where nobody meant it to go.
	direct := *c.http
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &direct
	c.Incidents, c.Projects, c.Datasets, c.Checks = &Incidents{c}, &Projects{c}, &Datasets{c}, &Checks{c}
	c.Users, c.Invitations, c.Roles, c.RoleBindings = &Users{c}, &Invitations{c}, &Roles{c}, &RoleBindings{c}
	c.APIKeys, c.Audit = &APIKeys{c}, &Audit{c}
	return c, nil
}

// An Option changes how a Client works.
type Option func(*Client)

// WithHTTPClient sends requests through h: its transport, its proxy, its
// certificates. Its CheckRedirect is not used: redirects are never followed.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithUserAgent says who asks, as in "deploy-bot/1.2".
func WithUserAgent(agent string) Option { return func(c *Client) { c.agent = agent } }

// WithAttempts says how often a request is sent at most; 1 never repeats.
func WithAttempts(n int) Option { return func(c *Client) { c.attempts = max(1, n) } }

// WithTimeout bounds one attempt, its answer included; a stream is bounded by
// its context alone.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// WithRandom takes idempotency keys and the spread of waits from r.
func WithRandom(r io.Reader) Option { return func(c *Client) { c.random = r } }

// WithSleep waits between two attempts with f, which returns early, with the
// context's error, when that ends.
func WithSleep(f func(context.Context, time.Duration) error) Option {
	return func(c *Client) { c.sleep = f }
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
