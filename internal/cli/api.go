package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"tocsin/client"
)

type apiCommand struct {
	remote
	Method   string   `arg:"" help:"GET, POST, PATCH or DELETE."`
	Path     string   `arg:"" help:"Path, as in /v1/incidents; the leading /v1/ may be left out."`
	Field    []string `short:"f" placeholder:"KEY=VALUE" sep:"none" help:"Member of the body, or for GET a parameter; true, false, null and numbers are that, key:=JSON is JSON, all else is text. May be given again."`
	Input    string   `placeholder:"FILE" help:"File with the body; - is standard input."`
	IfMatch  string   `placeholder:"TAG" help:"Make the change only to the version with this entity tag."`
	DryRun   bool     `help:"Show what a write would change, and change nothing."`
	Paginate bool     `help:"Get all parts of a list; each is printed by itself."`
	Include  bool     `short:"i" help:"Print the status and the headers too."`
	JQ       string   `name:"jq" placeholder:"EXPRESSION" help:"Print what a jq expression makes of each answer."`
}

// Help returns the examples.
func (apiCommand) Help() string {
	return "Examples:\n\n" +
		"  tocsin api GET /v1/me\n" +
		"  tocsin api GET incidents -f status=open --paginate --jq '.items[].title'\n" +
		"  tocsin api PATCH incidents/0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e -f severity=major -f lead_id=null\n" +
		"  echo '{\"name\":\"Online shop\"}' | tocsin api POST /v1/projects --input -\n\n" +
		"A write carries an idempotency key and is repeated where that can help. The server describes its API at /docs/api."
}

// Run sends a request.
func (cmd apiCommand) Run(c console, r *remote) error {
	method, path := strings.ToUpper(cmd.Method), cmd.Path
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"}, method) {
		return usageError{fmt.Errorf("there is no method %q; give GET, POST, PATCH or DELETE", cmd.Method)}
	}
	if !strings.HasPrefix(path, "/") {
		path = "/v1/" + strings.TrimPrefix(path, "v1/")
	}
	reads := method == "GET" || method == "HEAD"
	if cmd.Paginate && method != "GET" {
		return usageError{errors.New("--paginate: goes with GET")}
	}
	body, err := cmd.body(c, reads, &path)
	if err != nil {
		return err
	}
	return call[client.Me](c, r, shaped{JQ: cmd.JQ}, func(s *caller) error {
		var opts []client.CallOption
		if cmd.IfMatch != "" {
			opts = append(opts, client.IfMatch(cmd.IfMatch))
		}
		if cmd.DryRun {
			opts = append(opts, client.DryRun(new(client.Preview)))
		}
		for {
			res, err := s.Do(s.ctx, method, path, body, opts...)
			if res != nil {
				err = errors.Join(cmd.print(s, res, err == nil), err)
			}
			if err != nil || !cmd.Paginate {
				return err
			}
			if path, err = following(path, res.Body); err != nil || path == "" {
				return err
			}
		}
	})
}

// body is what the flags say, or for a read they go into the path.
func (cmd apiCommand) body(c console, reads bool, path *string) ([]byte, error) {
	if cmd.Input != "" && len(cmd.Field) > 0 && !reads {
		return nil, usageError{errors.New("--field and --input: give one of them")}
	}
	if cmd.Input != "" {
		in := c.stdin
		if cmd.Input != "-" {
			f, err := os.Open(cmd.Input)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			in = f
		}
		return io.ReadAll(io.LimitReader(in, 1<<20))
	}
	if len(cmd.Field) == 0 {
		return nil, nil
	}
	members := map[string]any{}
	query := url.Values{}
	for _, f := range cmd.Field {
		key, text, ok := strings.Cut(f, "=")
		if !ok || key == "" {
			return nil, usageError{fmt.Errorf("--field %q: must be KEY=VALUE", f)}
		}
		query.Add(key, text)
		if name, isJSON := strings.CutSuffix(key, ":"); isJSON && !reads {
			if !json.Valid([]byte(text)) {
				return nil, usageError{fmt.Errorf("--field %q: what follows := is not JSON", f)}
			}
			members[name] = json.RawMessage(text)
			continue
		}
		members[key] = literal(text)
	}
	if reads {
		*path += choose(strings.Contains(*path, "?"), "&", "?") + query.Encode()
		return nil, nil
	}
	return json.Marshal(members)
}

// literal is a JSON value where the text spells true, false, null or a number.
func literal(text string) any {
	switch text {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return n
	}
	return text
}

// print prints an answer. A problem is printed as it is.
func (cmd apiCommand) print(s *caller, res *client.Response, good bool) error {
	if cmd.Include {
		var b strings.Builder
		fmt.Fprintf(&b, "%d\n", res.Status)
		headers(&b, "", res.Header)
		if _, err := fmt.Fprintln(s.out.stdout, paragraph(masked(b.String()))); err != nil {
			return err
		}
	}
	if len(res.Body) == 0 {
		return nil
	}
	if !json.Valid(res.Body) {
		return s.out.document(res.Body, nil)
	}
	if !good {
		return s.out.writeJSON(res.Body)
	}
	return s.out.raw(res.Body)
}

// following is the path of the part that follows, or "".
func following(path string, body []byte) (string, error) {
	var part struct {
		Next string `json:"next"`
	}
	if err := json.Unmarshal(body, &part); err != nil {
		return "", fmt.Errorf("--paginate: the answer is no list: %w", err)
	}
	u, err := url.Parse(path)
	if err != nil || part.Next == "" {
		return "", err
	}
	q := u.Query()
	q.Set("cursor", part.Next)
	u.RawQuery = q.Encode()
	return u.String(), nil
}
