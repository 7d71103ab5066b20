package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"tocsin"
	"tocsin/internal/app"
	"tocsin/internal/audit"
	"tocsin/internal/audit/verify"
	"tocsin/internal/store"
)

// verifyEntries is how long the log of benchVerify is.
const verifyEntries = 200_000

// benchVerify measures what an auditor waits for: an export of a log, most of
// it updates of incidents, verified on one core.
func benchVerify(ctx context.Context, s settings) error {
	st, err := app.OpenStore(ctx, app.Database{Dir: s.dir}, slog.New(slog.DiscardHandler), unobserved{})
	if err != nil {
		return err
	}
	defer st.Close()
	services := app.NewServices(st)
	org, err := services.Directory.CreateOrganisation(ctx, "bench", "Bench")
	if err != nil {
		return err
	}
	actor := tocsin.System(org.ID, "bench")
	if err := fillLog(ctx, services, actor, verifyEntries); err != nil {
		return err
	}
	path, key, err := exportLog(ctx, st, actor, s.dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	app.TuneRuntime() // as the command does
	runtime.GOMAXPROCS(1)
	for range s.rounds {
		start := time.Now()
		report, err := verify.Run(ctx, path, key, nil, nil)
		if err != nil {
			return err
		}
		if report.Verdict != verify.Proven {
			return fmt.Errorf("the log is %s: %s", report.Verdict, report.Message)
		}
		took := time.Since(start)
		fmt.Printf("%d entries, %d MB, in %s: %.0f entries/s on one core\n",
			report.Size, info.Size()>>20, took.Round(time.Millisecond), float64(report.Size)/took.Seconds())
	}
	return nil
}

type unobserved struct{}

func (unobserved) Committed(int, time.Duration) {}
func (unobserved) Refused(string)               {}

// fillLog makes n entries, ten an incident, many at once.
func fillLog(ctx context.Context, services app.Services, actor tocsin.Actor, n int) error {
	project, err := services.Directory.CreateProject(ctx, actor, "bench")
	if err != nil {
		return err
	}
	const workers = 256
	failed := make(chan error, workers)
	for w := range workers {
		go func() {
			for i := w; i < n/10; i += workers {
				if err := tenEntries(ctx, services, actor, project.ID, i); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range workers {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

func tenEntries(ctx context.Context, services app.Services, actor tocsin.Actor, project tocsin.ID, i int) error {
	inc, err := services.Incidents.Create(ctx, actor, tocsin.Draft{
		Project: project, Title: fmt.Sprintf("Payments fail in region %d", i), Severity: tocsin.Major, Type: "timeout", Source: tocsin.FromSystem,
		ErrorMessage: "connect: connection timed out after 30 s",
	})
	for n := 1; n < 10 && err == nil; n++ {
		text := fmt.Sprintf("still looking, step %d of incident %d", n, i)
		status := []tocsin.Status{tocsin.Investigating, tocsin.Fixing}[n%2]
		_, err = services.Incidents.Update(ctx, actor, inc.ID, tocsin.Patch{Description: &text, Status: &status}, tocsin.Rules{})
	}
	return err
}

// exportLog signs the log and writes its export into dir.
func exportLog(ctx context.Context, st store.Store, actor tocsin.Actor, dir string) (path, key string, err error) {
	follower := audit.NewFollower(audit.FollowerOptions{
		Store: st, KeyFile: filepath.Join(dir, audit.KeyFile), StateDir: dir, Holder: "bench", Random: rand.Reader, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
	follow := func(ctx context.Context) error {
		for {
			if more, err := follower.Round(ctx); err != nil || !more {
				return err
			}
		}
	}
	start := time.Now()
	if err := follow(ctx); err != nil {
		return "", "", err
	}
	fmt.Printf("the follower signed the log in %s\n", time.Since(start).Round(time.Millisecond))
	service := audit.New(audit.Options{Store: st, NewID: app.NewID, Now: time.Now, Wait: follow})
	f, err := os.Create(filepath.Join(dir, "export.tar"))
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	start = time.Now()
	if err := service.Export(ctx, actor, f); err != nil {
		return "", "", err
	}
	fmt.Printf("the export took %s\n", time.Since(start).Round(time.Millisecond))
	keys, err := service.Keys(ctx)
	return f.Name(), strings.Join(keys, " "), err
}
