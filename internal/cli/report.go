package cli

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"tocsin/internal/app"
)

// progress returns what tells a person, at most once a second, how far a long
// command is.
func (c console) progress() app.Progress {
	told := time.Now()
	return func(doing string, done, total int64) {
		if time.Since(told) < time.Second {
			return
		}
		told = time.Now()
		switch {
		case done == 0:
			fmt.Fprintf(c.stderr, "%s\n", doing)
		case total == 0:
			fmt.Fprintf(c.stderr, "%s: %d\n", doing, done)
		default:
			fmt.Fprintf(c.stderr, "%s: %d of %d\n", doing, done, total)
		}
	}
}

// The JSON forms of a report.
type copiedJSON struct {
	Installation string           `json:"installation"`
	Schema       int64            `json:"schema"`
	Bytes        int64            `json:"bytes,omitempty"`
	Milliseconds int64            `json:"duration_ms"`
	Logs         []copiedLogJSON  `json:"logs"`
	Rows         map[string]int64 `json:"rows"`
}

type copiedLogJSON struct {
	Org  string    `json:"org"`
	Name string    `json:"name"`
	Seq  int64     `json:"seq"`
	At   time.Time `json:"at"`
	Root string    `json:"root"`
}

// copied prints what a backup, a restore or a move has copied.
func (o output) copied(what string, r app.CopyReport) error {
	if o.json {
		return json.NewEncoder(o.stdout).Encode(copiedAsJSON(r))
	}
	size := ""
	if r.Bytes > 0 {
		size = fmt.Sprintf("%s, ", bytesText(r.Bytes))
	}
	fmt.Fprintf(o.stdout, "%s is whole: %sinstallation %s, schema version %d, %s\n", what, size, r.Installation, r.Version, r.Took.Round(time.Millisecond))
	table := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	for _, l := range r.Logs {
		name := l.Name
		if name == "" {
			name = "(the installation's own log)"
		}
		if err := o.line(table, []string{"log", l.Org.String(), fmt.Sprint(l.Seq), l.At.UTC().Format(time.RFC3339), hex.EncodeToString(l.Root[:]), name}); err != nil {
			return err
		}
	}
	for _, t := range r.Tables {
		if err := o.line(table, []string{"rows", t.Table, fmt.Sprint(t.Rows)}); err != nil {
			return err
		}
	}
	return table.Flush()
}

func copiedAsJSON(r app.CopyReport) copiedJSON {
	j := copiedJSON{
		Installation: r.Installation.String(), Schema: r.Version, Bytes: r.Bytes, Milliseconds: r.Took.Milliseconds(),
		Logs: []copiedLogJSON{}, Rows: make(map[string]int64),
	}
	for _, l := range r.Logs {
		j.Logs = append(j.Logs, copiedLogJSON{l.Org.String(), l.Name, l.Seq, l.At.UTC(), hex.EncodeToString(l.Root[:])})
	}
	for _, t := range r.Tables {
		j.Rows[t.Table] = t.Rows
	}
	return j
}

// bytesText is a size in its largest unit.
func bytesText(n int64) string {
	unit, value := "B", float64(n)
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if value < 1000 {
			break
		}
		unit, value = next, value/1000
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
