package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tocsin"
	"tocsin/internal/app"
)

// quiet is a store.Observer that looks away.
type quiet struct{}

func (quiet) Committed(int, time.Duration) {}
func (quiet) Refused(string)               {}

// fixture is a database made for measuring: incidents, and keys to change them
// with, one for each organisation.
type fixture struct {
	dir string
	// keys has one token an organisation; ids are in order of creation.
	keys, ids []string
	// idsFile has a line "id token" for each incident, in that order, for wrk.
	idsFile string
	lines   []string
}

// makeFixture fills a database through the product's own use cases: so many
// organisations with so many incidents each.
func makeFixture(ctx context.Context, dir string, orgs, incidents int) (fixture, error) {
	f := fixture{dir: dir, idsFile: filepath.Join(dir, "ids.txt")}
	s, err := app.OpenStore(ctx, app.Database{Dir: dir}, slog.New(slog.DiscardHandler), quiet{})
	if err != nil {
		return f, err
	}
	defer s.Close()
	services := app.NewServices(s)
	started := time.Now()
	for n := range orgs {
		if err := f.organisation(ctx, services, n, incidents); err != nil {
			return f, fmt.Errorf("organisation %d: %w", n, err)
		}
	}
	out, err := os.Create(f.idsFile)
	if err != nil {
		return f, err
	}
	w := bufio.NewWriter(out)
	for _, line := range f.lines {
		fmt.Fprintln(w, line)
	}
	if err := w.Flush(); err != nil {
		return f, err
	}
	fmt.Printf("# %d organisations, %d incidents made in %.1f s\n", orgs, len(f.ids), time.Since(started).Seconds())
	return f, out.Close()
}

func (f *fixture) organisation(ctx context.Context, s app.Services, n, count int) error {
	org, err := s.Directory.CreateOrganisation(ctx, "bench", fmt.Sprintf("Organisation %d", n))
	if err != nil {
		return err
	}
	actor := tocsin.System(org.ID, "bench")
	project, err := s.Directory.CreateProject(ctx, actor, "Project")
	if err != nil {
		return err
	}
	check, err := s.Directory.CreateCheck(ctx, actor, project.ID, "Payment Service", "https://payments.example.com/health", nil)
	if err != nil {
		return err
	}
	user, err := s.Access.CreateUser(ctx, actor, "Ben Lindqvist", "ben@example.org")
	if err != nil {
		return err
	}
	if _, err := s.Access.Grant(ctx, actor, user.ID, tocsin.RoleEditor, tocsin.ScopeProject, project.ID); err != nil {
		return err
	}
	_, token, err := s.Access.CreateKey(ctx, actor, tocsin.KeyDraft{Owner: user.ID, Name: "bench", Project: project.ID})
	if err != nil {
		return err
	}
	f.keys = append(f.keys, token)
	first := len(f.ids)
	f.ids = append(f.ids, make([]string, count)...)
	defer func() {
		for _, id := range f.ids[first:] {
			f.lines = append(f.lines, id+" "+token)
		}
	}()
	return parallel(min(count, 512), func(worker int) error {
		for i := worker; i < count; i += 512 {
			inc, err := s.Incidents.Create(ctx, actor, tocsin.Draft{
				Checks: []tocsin.ID{check.ID}, Severity: tocsin.Critical, Type: "connection_error", Source: tocsin.FromSystem,
				ErrorMessage:    "Payment processing API is completely down across all regions",
				AffectedRegions: []string{"us-east-1", "us-west-2", "eu-west-1"}, FailureCount: 3,
			})
			if err != nil {
				return err
			}
			f.ids[first+int(inc.Number)-1] = inc.ID.String()
		}
		return nil
	})
}

// parallel runs n workers and returns the first error.
func parallel(n int, work func(worker int) error) error {
	errs := make(chan error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := work(i); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}
