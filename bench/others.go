package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// benchSoak runs at full rate for ten minutes, minute by minute.
func benchSoak(ctx context.Context, s settings) error {
	f, err := makeFixture(ctx, filepath.Join(s.dir, "soak"), 1, 10_000)
	if err != nil {
		return err
	}
	node, err := startNode(f.dir)
	if err != nil {
		return err
	}
	defer node.stop()
	fmt.Printf("%-8s %10s %10s %12s %10s %10s\n", "minute", "req/s", "p99 ms", "cpu us/req", "wal MB", "rss MB")
	for minute := 1; minute <= s.minutes; minute++ {
		r, err := f.all().run(ctx, s.dir, node, time.Minute)
		if err != nil {
			return err
		}
		info, err := os.Stat(filepath.Join(f.dir, "tocsin.db-wal"))
		if err != nil {
			return err
		}
		fmt.Printf("%-8d %10.0f %10.1f %12.0f %10d %10.0f\n", minute, r.rate, p99(r), cpu(r), info.Size()>>20, node.rss())
	}
	return nil
}

// benchStart times the binary as it is shipped, on an existing database.
func benchStart(ctx context.Context, s settings) error {
	f, err := makeFixture(ctx, filepath.Join(s.dir, "start"), 1, 10_000)
	if err != nil {
		return err
	}
	binary, err := buildBinary(ctx, s.dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	var times []result
	var memory []result
	for range s.rounds {
		took, rss, err := firstAnswer(ctx, binary, f.dir)
		if err != nil {
			return err
		}
		times = append(times, result{rate: float64(took) / float64(time.Millisecond)})
		memory = append(memory, result{rate: rss})
	}
	fmt.Printf("binary, stripped      %8.1f MB\n", float64(info.Size())/1e6)
	fmt.Printf("start to first answer %8.0f ms\n", median(times, rate))
	fmt.Printf("idle memory (RSS)     %8.1f MB\n", median(memory, rate))
	return nil
}

// firstAnswer starts the server and asks until it answers.
func firstAnswer(ctx context.Context, binary, dir string) (took time.Duration, rss float64, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, err
	}
	addr := l.Addr().String()
	l.Close()
	cmd := exec.CommandContext(ctx, binary, "serve", "--data", dir, "--listen", addr)
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	s := &server{name: "tocsin", cmd: cmd}
	defer s.stop()
	for time.Since(started) < 10*time.Second {
		if res, err := http.Get("http://" + addr + "/readyz"); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			took = time.Since(started)
			break
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Second)
	return took, s.rss(), nil
}

// rss is the process' resident memory in MB.
func (s *server) rss() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kb float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kb); err == nil {
			return kb * 1024 / 1e6
		}
	}
	return 0
}
