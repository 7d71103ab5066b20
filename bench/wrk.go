package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A server is a child process under load.
type server struct {
	name string
	cmd  *exec.Cmd
	url  string
}

// start runs a program that prints "url " and its address on a line.
func start(name string, program string, args ...string) (*server, error) {
	s := &server{name: name, cmd: exec.Command(program, args...)}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Stderr = nil
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, found := strings.CutPrefix(lines.Text(), "url "); found {
			s.url = url
			return s, nil
		}
	}
	_ = s.cmd.Wait()
	return nil, fmt.Errorf("%s did not start", name)
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt)
	_ = s.cmd.Wait()
}

// cpu is the process' own processor time so far.
func (s *server) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] { // utime, stime
		n, _ := strconv.ParseInt(f, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// A load is what wrk sends: two-field patches to ids drawn from a range of the
// file, each with the key of its organisation.
type load struct {
	idsFile     string
	connections int
	// from and to are the range of lines to draw from, as in [from, to).
	from, to int
	// through is the way in: the UptimeIO dialect when empty, "native" for the
	// native API, "once" for that with an idempotency key.
	through string
}

// A result is one run.
type result struct {
	rate     float64 // requests a second
	p50, p99 time.Duration
	cpu      time.Duration // of the server, a request
}

// script draws an id and a patch for each request; every patch differs from the
// present values, so that none is a no-op.
const script = `
local ids, keys, n = {}, {}, 0
local from, to = tonumber(os.getenv("FROM")), tonumber(os.getenv("TO"))
local through = os.getenv("THROUGH")
local line = 0
for text in io.lines(os.getenv("IDS")) do
  if line >= from and line < to then n = n + 1; ids[n], keys[n] = text:match("(%S+) (%S+)") end
  line = line + 1
end
local severities = {"critical", "major", "minor", "warning"}
local thread = 0
function setup(t) thread = thread + 1; t:set("seed", thread * 7919 + os.time()) end
function init() math.randomseed(seed); count = 0 end
local headers = {["Content-Type"] = "application/json"}
function request()
  count = count + 1
  local body = '{"severity":"' .. severities[math.random(4)] .. '","error_message":"attempt ' .. seed .. '-' .. count .. ' failed"}'
  local i = math.random(n)
  if through == "" then
    headers["X-API-Key"] = keys[i]
    return wrk.format("PUT", "/api/incidents/" .. ids[i], headers, body)
  end
  headers["Authorization"] = "Bearer " .. keys[i]
  if through == "once" then headers["Idempotency-Key"] = seed .. "-" .. os.time() .. "-" .. count end
  return wrk.format("PATCH", "/v1/incidents/" .. ids[i], headers, body)
end
`

// run loads a server for a while.
func (l load) run(ctx context.Context, dir string, s *server, d time.Duration) (result, error) {
	path := filepath.Join(dir, "update.lua")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		return result{}, err
	}
	threads := min(2, l.connections)
	cmd := exec.CommandContext(ctx, "wrk", "-t", strconv.Itoa(threads), "-c", strconv.Itoa(l.connections), "-d", fmt.Sprintf("%ds", int(math.Ceil(d.Seconds()))), "--latency", "-s", path, s.url)
	cmd.Env = append(os.Environ(), "IDS="+l.idsFile, fmt.Sprintf("FROM=%d", l.from), fmt.Sprintf("TO=%d", l.to), "THROUGH="+l.through)
	before := s.cpu()
	out, err := cmd.Output()
	if err != nil {
		return result{}, fmt.Errorf("wrk: %w (install it with: apt-get install wrk)", err)
	}
	r, requests, err := parseWrk(string(out))
	if err == nil && requests > 0 {
		r.cpu = (s.cpu() - before) / time.Duration(requests)
	}
	return r, err
}

var (
	rateLine    = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	totalLine   = regexp.MustCompile(`(\d+) requests in`)
	percentLine = regexp.MustCompile(`(50|99)%\s+([\d.]+)(us|ms|s)\b`)
	failedLine  = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
)

func parseWrk(out string) (r result, requests int, err error) {
	if m := failedLine.FindStringSubmatch(out); m != nil {
		return r, 0, errors.New(m[1] + " requests were not answered 2xx: the figures would be void")
	}
	if m := rateLine.FindStringSubmatch(out); m != nil {
		r.rate, _ = strconv.ParseFloat(m[1], 64)
	}
	if m := totalLine.FindStringSubmatch(out); m != nil {
		requests, _ = strconv.Atoi(m[1])
	}
	for _, m := range percentLine.FindAllStringSubmatch(out, -1) {
		n, _ := strconv.ParseFloat(m[2], 64)
		d := time.Duration(n * float64(map[string]time.Duration{"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second}[m[3]]))
		if m[1] == "50" {
			r.p50 = d
		} else {
			r.p99 = d
		}
	}
	if r.rate == 0 {
		return r, 0, errors.New("wrk's output was not understood:\n" + out)
	}
	return r, requests, nil
}

// median returns the middle of the values that of picks.
func median(results []result, of func(result) float64) float64 {
	values := make([]float64, len(results))
	for i, r := range results {
		values[i] = of(r)
	}
	slices.Sort(values)
	if len(values) == 0 {
		return math.NaN()
	}
	return values[len(values)/2]
}

func rate(r result) float64 { return r.rate }
func p99(r result) float64  { return float64(r.p99) / float64(time.Millisecond) }
func p50(r result) float64  { return float64(r.p50) / float64(time.Millisecond) }
func cpu(r result) float64  { return float64(r.cpu) / float64(time.Microsecond) }
