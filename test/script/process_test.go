package script_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a story waits for what must come.
const patience = 20 * time.Second

// stopping is how long the program may take to stop.
const stopping = 10 * time.Second

// A world is what one story has going on.
type world struct {
	running map[string]*process
	held    map[string]*heldRequest
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// A process is the program in the background. Its standard output goes to
// NAME.out and its standard error to NAME.log.
type process struct {
	cmd      *exec.Cmd
	out, log string
	done     chan struct{} // closed once err is set
	err      error
}

// end kills what a story left running, and shows its log if the story failed.
func (w *world) end(t testscript.T) {
	for name, p := range w.running {
		_ = p.cmd.Process.Kill()
		<-p.done
		if f, ok := t.(interface{ Failed() bool }); ok && f.Failed() {
			text, _ := os.ReadFile(p.log)
			t.Log(fmt.Sprintf("%s.log:\n%s", name, text))
		}
	}
	for _, h := range w.held {
		_ = h.conn.Close()
	}
}

// start [VARIABLE=value…] NAME ARGUMENT…: runs tocsin in the background until
// it says where it serves, and sets URL, and with demo --json a variable for
// each value, as in SODA_KEY_ID.
func start(ts *testscript.TestScript, neg bool, args []string) {
	environ := []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "TMPDIR=" + ts.Getenv("TMPDIR")}
	for len(args) > 0 && strings.Contains(args[0], "=") {
		environ, args = append(environ, args[0]), args[1:]
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start [VARIABLE=value…] NAME ARGUMENT…")
	}
	p := &process{out: ts.MkAbs(args[0] + ".out"), log: ts.MkAbs(args[0] + ".log"), done: make(chan struct{})}
	out, err := os.Create(p.out)
	ts.Check(err)
	defer out.Close()
	log, err := os.Create(p.log)
	ts.Check(err)
	defer log.Close()
	path, err := exec.LookPath("tocsin")
	ts.Check(err)
	p.cmd = exec.Command(path, args[1:]...)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = ts.MkAbs("."), environ, out, log
	ts.Check(p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	worldOf(ts).running[args[0]] = p
	for name, value := range p.ready(ts) {
		ts.Setenv(strings.ToUpper(name), value)
	}
}

// ready waits until the process serves and returns what it said about itself.
func (p *process) ready(ts *testscript.TestScript) map[string]string {
	var said map[string]string
	poll(ts, "the program to say where it serves", func() bool {
		select {
		case <-p.done:
			text, _ := os.ReadFile(p.log)
			ts.Fatalf("the program ended (%v) and said:\n%s", p.err, text)
		default:
		}
		said = p.announcement()
		return said != nil
	})
	return said
}

// announcement reads the first line of the demo, or the log line of a server.
func (p *process) announcement() map[string]string {
	out, _ := os.ReadFile(p.out)
	if first, _, whole := bytes.Cut(out, []byte("\n")); whole {
		var said map[string]string
		if json.Unmarshal(first, &said) == nil {
			return said
		}
		if m := regexp.MustCompile(`at (http://\S+)`).FindSubmatch(first); m != nil {
			return map[string]string{"url": string(m[1])}
		}
	}
	log, _ := os.ReadFile(p.log)
	for line := range bytes.Lines(log) {
		var l struct{ Msg, URL string }
		if json.Unmarshal(line, &l) == nil && l.Msg == "serving" {
			return map[string]string{"url": l.URL}
		}
	}
	return nil
}

// stop NAME: terminates the program and checks that it ended as it should.
func stop(ts *testscript.TestScript, neg bool, args []string) {
	terminate(ts, neg, args)
	ended(ts, neg, args)
}

// terminate NAME: sends SIGTERM, no more.
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(named(ts, neg, args).cmd.Process.Signal(syscall.SIGTERM))
}

// ended NAME: checks that the program ends in time, with exit code 0.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	p := named(ts, neg, args)
	select {
	case <-p.done:
	case <-time.After(stopping):
		ts.Fatalf("%s still runs %v after it was told to stop", args[0], stopping)
	}
	delete(worldOf(ts).running, args[0])
	if p.err != nil {
		text, _ := os.ReadFile(p.log)
		ts.Fatalf("%s ended with %v and said:\n%s", args[0], p.err, text)
	}
}

func named(ts *testscript.TestScript, neg bool, args []string) *process {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stop|terminate|ended NAME")
	}
	p := worldOf(ts).running[args[0]]
	if p == nil {
		ts.Fatalf("nothing named %s is running", args[0])
	}
	return p
}

// refused URL: waits until nobody listens there any more.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: refused URL")
	}
	u, err := url.Parse(args[0])
	ts.Check(err)
	poll(ts, "the address to be free", func() bool {
		conn, err := net.Dial("tcp", u.Host)
		if err == nil {
			_ = conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
}

// poll waits until done, or fails the story.
func poll(ts *testscript.TestScript, what string, done func() bool) {
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			ts.Fatalf("waited %v for %s", patience, what)
		}
		time.Sleep(10 * time.Millisecond) // between two looks; nothing is concluded from it
	}
}

// capture VARIABLE…: sets each to a field of what the last command printed.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	fields := strings.Fields(ts.ReadFile("stdout"))
	if neg || len(args) == 0 || len(fields) != len(args) {
		ts.Fatalf("usage: capture VARIABLE…, one for each of the %d fields that were printed", len(fields))
	}
	for i, name := range args {
		ts.Setenv(name, fields[i])
	}
}

// find VARIABLE PATTERN: sets it to what the pattern's group first matches in
// what the last command printed.
func find(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: find VARIABLE PATTERN")
	}
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) != 2 {
		ts.Fatalf("%s is not in what was printed", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// keys FILE: prints the names in its first line, a JSON object, in order.
func keys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keys FILE")
	}
	first, _, _ := strings.Cut(ts.ReadFile(args[0]), "\n")
	var object map[string]any
	ts.Check(json.Unmarshal([]byte(first), &object))
	var names []string
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintln(ts.Stdout(), strings.Join(names, "\n"))
}

// scrub FILE: appends what the last command printed, without ids, keys, times
// and addresses: what differs from one demo to the next.
func scrub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: scrub FILE")
	}
	text := ts.ReadFile("stdout")
	for _, r := range []struct{ pattern, with string }{
		{`tcn_[0-9a-f]+`, "TOKEN"},
		{`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "ID"},
		{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`, "TIME"},
		{`\b1\d{12}\b`, "TIME"},
		{`http://127\.0\.0\.1:\d+`, "URL"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = f.WriteString(text)
	ts.Check(errors.Join(err, f.Close()))
}
