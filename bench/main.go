// Command bench measures Tocsin, one figure a subcommand, each as a ratio to a
// baseline measured in the same run:
//
//	go run ./bench update      updates over HTTP against a plain handler, and one transaction each
//	go run ./bench audit       the same with the audit trail signed and unsigned, and through the native API
//	go run ./bench million     the same at 1,000,000 incidents, ids skewed and uniform
//	go run ./bench flat        one organisation of 1,000; all writes to one incident
//	go run ./bench postgres    the PostgreSQL engine against pgbench
//	go run ./bench soak        ten minutes at full rate: rate and write-ahead log
//	go run ./bench verify      an export of a log, verified on one core
//	go run ./bench start       time to the first answer, idle memory, size of the binary
//
// The load comes from wrk (Debian package wrk) on the same machine. Trust the
// ratios and the processor time a request; the rest is the machine's mood.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"time"

	"tocsin/internal/app"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are the flags that every benchmark understands.
type settings struct {
	rounds   int
	duration time.Duration
	minutes  int
	dir      string
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("which benchmark? update, audit, million, flat, postgres, soak, start, verify")
	}
	if args[0] == "plain" { // a child, ended by the signal itself
		return childPlain(args[1])
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if args[0] == "node" {
		return childNode(ctx, args[1:])
	}
	var s settings
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.IntVar(&s.rounds, "rounds", 5, "interleaved rounds, of which the median counts")
	flags.DurationVar(&s.duration, "duration", 4*time.Second, "length of one run")
	flags.IntVar(&s.minutes, "minutes", 10, "length of the soak")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tocsin-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.dir = dir
	benchmarks := map[string]func(context.Context, settings) error{
		"update": benchUpdate, "audit": benchAudit, "million": benchMillion, "flat": benchFlat, "soak": benchSoak, "start": benchStart, "postgres": benchPostgres,
		"verify": benchVerify,
	}
	b := benchmarks[args[0]]
	if b == nil {
		return fmt.Errorf("there is no benchmark %q", args[0])
	}
	return b(ctx, s)
}

// childPlain is the yardstick's process.
func childPlain(key string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("url http://" + l.Addr().String())
	return servePlain(l, key)
}

// childNode is the product's process: the same app that "tocsin serve" runs,
// with its log written to a file.
func childNode(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("node", flag.ContinueOnError)
	dir := flags.String("data", "", "")
	maxBatch := flags.Int("max-batch", 0, "")
	profile := flags.String("profile", "", "")
	unsigned := flags.Bool("unsigned", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	app.TuneRuntime()
	logFile, err := os.Create(filepath.Join(*dir, "log.json"))
	if err != nil {
		return err
	}
	if *profile != "" {
		out, err := os.Create(*profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(out); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	a, err := app.New(ctx, app.Options{
		Database: app.Database{Dir: *dir, Server: true, MaxBatch: *maxBatch},
		Unsigned: *unsigned,
		Listen:   "127.0.0.1:0", Logger: slog.New(slog.NewJSONHandler(logFile, nil)),
	})
	if err != nil {
		return err
	}
	fmt.Println("url " + a.URL())
	return a.Serve(ctx)
}

// startNode starts the product on a fixture.
func startNode(dir string, args ...string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start("tocsin", self, append([]string{"node", "-data", dir}, args...)...)
}

func startPlain(key string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start("plain net/http", self, "plain", key)
}

// buildBinary builds the product as it is shipped.
func buildBinary(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "tocsin")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/tocsin")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
}
