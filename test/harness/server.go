package harness

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/app"
	"tocsin/internal/demo"
)

// patience is how long a server may take to start or to stop.
const patience = 30 * time.Second

// A Server is a running binary on a port of its own.
type Server struct {
	// URL is the base address, without a final slash.
	URL string
	// Demo names what `tocsin demo` made; zero for `tocsin serve`.
	Demo demo.Result

	tb  testing.TB
	cmd *exec.Cmd
	log tail
	// whole is the file with all of its log.
	whole *os.File
	done  chan struct{}
	// ended says that the test wanted it to end: its log tells nothing.
	ended bool
}

// Serve starts `tocsin serve` on the database; env are variables besides the
// test's own, as in "NAME=value".
func Serve(tb testing.TB, d app.Database, env ...string) *Server {
	tb.Helper()
	lines := make(chan string, 64)
	s := start(tb, "serve", d, env, nil, lines)
	var event struct {
		URL string `json:"url"`
	}
	s.await(lines, `"msg":"serving"`, &event)
	s.URL = event.URL
	return s
}

// Demo starts `tocsin demo` on an empty database.
func Demo(tb testing.TB, d app.Database, env ...string) *Server {
	tb.Helper()
	lines := make(chan string, 64)
	s := start(tb, "demo", d, append([]string{"--json"}, env...), lines, nil)
	s.await(lines, `"url"`, &s.Demo)
	s.URL = s.Demo.URL
	return s
}

// start runs the binary and sends the lines of its output or its log to those
// who want them. Words of env that begin with "--" are flags.
func start(tb testing.TB, command string, d app.Database, env []string, stdout, stderr chan<- string) *Server {
	tb.Helper()
	args := []string{command, "--listen", "127.0.0.1:0"}
	if d.URL != "" {
		args = append(args, "--database", d.URL.Reveal())
	} else {
		args = append(args, "--data", d.Dir)
	}
	s := &Server{tb: tb, done: make(chan struct{})}
	own := append(environment(), beside(tb, d)...)
	for _, word := range env {
		if strings.HasPrefix(word, "--") {
			args = append(args, word)
		} else {
			own = append(own, word)
		}
	}
	s.cmd = exec.Command(os.Getenv(binaryVariable), args...)
	s.cmd.Env, s.cmd.SysProcAttr = own, endWithParent()
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	log, err := s.cmd.StderrPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if s.whole, err = os.Create(filepath.Join(tb.TempDir(), "log")); err != nil {
		tb.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		tb.Fatalf("start the server: %v", err)
	}
	var readers sync.WaitGroup
	readers.Go(func() { s.read(out, stdout) })
	readers.Go(func() { s.read(io.TeeReader(log, s.whole), stderr) })
	go func() {
		readers.Wait()
		_ = s.cmd.Wait() // how it ended is the test's to judge, by what it left
		close(s.done)
	}()
	tb.Cleanup(func() {
		ended := s.ended
		s.Kill()
		if ShowsToken([]byte(s.FullLog())) {
			tb.Errorf("the log of tocsin %s shows a token", command)
		}
		_ = s.whole.Close() // what it lacks was missed above
		if tb.Failed() && !ended {
			tb.Logf("the end of the log of tocsin %s:\n%s", command, s.Log())
		}
	})
	return s
}

// beside names a node's own place for what is not in a PostgreSQL database. All
// nodes of a database, and those started later, sign with the same key.
func beside(tb testing.TB, d app.Database) []string {
	if d.URL == "" {
		return nil
	}
	key := fmt.Sprintf("audit-%x.key", sha256.Sum256([]byte(d.URL.Reveal())))
	return []string{"TOCSIN_STATE=" + tb.TempDir(), "TOCSIN_AUDIT_KEY_FILE=" + filepath.Join(filepath.Dir(os.Getenv(binaryVariable)), key)}
}

// environment is the test's own without Tocsin's settings.
func environment() []string {
	var kept []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TOCSIN_") {
			kept = append(kept, v)
		}
	}
	return kept
}

// read keeps the end of what the server writes and passes lines on while
// somebody takes them.
func (s *Server) read(from io.Reader, lines chan<- string) {
	scanner := bufio.NewScanner(from)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		s.log.add(scanner.Bytes())
		if lines != nil {
			select {
			case lines <- scanner.Text():
			default:
			}
		}
	}
	_, _ = io.Copy(io.Discard, from)
}

// await reads the first line that has the mark in it as JSON.
func (s *Server) await(lines <-chan string, mark string, into any) {
	s.tb.Helper()
	late := time.After(patience)
	for {
		select {
		case line := <-lines:
			if !strings.Contains(line, mark) {
				continue
			}
			if err := json.Unmarshal([]byte(line), into); err != nil {
				s.tb.Fatalf("the server's line %q is not JSON: %v", line, err)
			}
			return
		case <-s.done:
			s.tb.Fatalf("the server ended before it served:\n%s", s.Log())
		case <-late:
			s.tb.Fatalf("the server did not say %s in %s:\n%s", mark, patience, s.Log())
		}
	}
}

// Done is closed when the process has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// Kill ends the process as a crash does and waits until it is gone. It may be
// called twice.
func (s *Server) Kill() {
	s.ended = true
	_ = s.cmd.Process.Kill() // an error means that it is gone already
	<-s.done
}

// Stop asks the process to end, and fails the test when it does not.
func (s *Server) Stop() {
	s.tb.Helper()
	s.ended = true
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(patience):
		s.tb.Errorf("the server did not stop within %s of SIGTERM", patience)
		s.Kill()
	}
}

// ExitCode returns the code of an ended process, -1 when a signal ended it.
func (s *Server) ExitCode() int {
	<-s.done
	return s.cmd.ProcessState.ExitCode()
}

// Log returns the end of what the server has written.
func (s *Server) Log() string { return s.log.String() }

// FullLog returns all that the server has logged so far.
func (s *Server) FullLog() string {
	s.tb.Helper()
	text, err := os.ReadFile(s.whole.Name())
	if err != nil || len(text) == 0 {
		s.tb.Errorf("the server's log has %d bytes: %v", len(text), err)
	}
	return string(text)
}

// A tail keeps the last bytes of what is written to it.
type tail struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// tailSize is how much of a server's log a failure shows at least.
const tailSize = 8 << 10

func (t *tail) add(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text.Len() > 2*tailSize {
		t.text.Next(t.text.Len() - tailSize)
	}
	t.text.Write(line)
	t.text.WriteByte('\n')
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
