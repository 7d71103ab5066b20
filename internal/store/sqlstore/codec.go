package sqlstore

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"tocsin"
)

// The one codec between domain values and column values. Scanners are given to
// database/sql and to pgx alike.

// micros is a time as whole microseconds since 1970, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// truth is 1 for true and 0 for false.
func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

type truthScanner struct{ to *bool }

func toTruth(b *bool) any { return truthScanner{b} }

// Scan takes 0 or 1.
func (s truthScanner) Scan(src any) error {
	n, ok := src.(int64)
	if !ok || n != 0 && n != 1 {
		return fmt.Errorf("a column of truths holds %v, not 0 or 1", src)
	}
	*s.to = n == 1
	return nil
}

// optional is an id's bytes, or NULL for the zero one.
func optional(id tocsin.ID) any {
	if id.IsZero() {
		return nil
	}
	return id[:]
}

// jsonText is a list as JSON text, "[]" when it is empty.
func jsonText(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic(err) // a list of strings always encodes
	}
	return string(b)
}

func idsText(ids []tocsin.ID) string { return jsonText(tocsin.IDList(ids).AsList()) }

type idScanner struct{ to *tocsin.ID }

func toID(id *tocsin.ID) any { return idScanner{id} }

// Scan takes 16 bytes, or NULL for the zero id.
func (s idScanner) Scan(src any) error {
	switch b := src.(type) {
	case nil:
		*s.to = tocsin.ID{}
		return nil
	case []byte:
		if len(b) == len(s.to) {
			copy(s.to[:], b)
			return nil
		}
	}
	return fmt.Errorf("an id column holds %T, not 16 bytes", src)
}

type hashScanner struct{ to *[32]byte }

func toHash(h *[32]byte) any { return hashScanner{h} }

// Scan takes 32 bytes.
func (s hashScanner) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(s.to) {
		return fmt.Errorf("a hash column holds %T, not 32 bytes", src)
	}
	copy(s.to[:], b)
	return nil
}

type timeScanner struct{ to *time.Time }

func toTime(t *time.Time) any { return timeScanner{t} }

// Scan takes whole microseconds.
func (s timeScanner) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a time column holds %T, not an integer", src)
	}
	if *s.to = (time.Time{}); n != 0 {
		*s.to = time.UnixMicro(n).UTC()
	}
	return nil
}

type listScanner struct{ to *[]string }

func toList(l *[]string) any { return listScanner{l} }

// Scan takes JSON text.
func (s listScanner) Scan(src any) error {
	var text string
	switch x := src.(type) {
	case string:
		text = x
	case []byte:
		text = string(x)
	default:
		return fmt.Errorf("a list column holds %T, not text", src)
	}
	if *s.to = nil; text == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(text), s.to)
}

type labelsScanner struct{ to *map[string]string }

func toLabels(l *map[string]string) any { return labelsScanner{l} }

// Scan takes JSON text of labels as the log has them.
func (s labelsScanner) Scan(src any) error {
	var texts []string
	err := (listScanner{&texts}).Scan(src)
	*s.to = tocsin.ParseLabels(texts)
	return err
}

type linksScanner struct{ to *[]tocsin.Link }

func toLinks(l *[]tocsin.Link) any { return linksScanner{l} }

// Scan takes JSON text of links as the log has them.
func (s linksScanner) Scan(src any) error {
	var texts []string
	err := (listScanner{&texts}).Scan(src)
	*s.to = tocsin.ParseLinks(texts)
	return err
}

type numbersScanner struct{ to *[]int64 }

func toNumbers(l *[]int64) any { return numbersScanner{l} }

// Scan takes JSON text of whole numbers in decimal form.
func (s numbersScanner) Scan(src any) error {
	var texts []string
	if err := (listScanner{&texts}).Scan(src); err != nil {
		return err
	}
	*s.to = nil
	for _, text := range texts {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("a list of numbers holds %q", text)
		}
		*s.to = append(*s.to, n)
	}
	return nil
}

type idsScanner struct{ to *[]tocsin.ID }

func toIDs(l *[]tocsin.ID) any { return idsScanner{l} }

// Scan takes JSON text of ids in canonical form.
func (s idsScanner) Scan(src any) error {
	var texts []string
	if err := (listScanner{&texts}).Scan(src); err != nil {
		return err
	}
	*s.to = nil
	for _, text := range texts {
		id, ok := tocsin.ParseID(text)
		if !ok {
			return fmt.Errorf("a list of ids holds %q", text)
		}
		*s.to = append(*s.to, id)
	}
	return nil
}

type permissionsScanner struct{ to *tocsin.Permissions }

func toPermissions(p *tocsin.Permissions) any { return permissionsScanner{p} }

// Scan takes JSON text of permission names.
func (s permissionsScanner) Scan(src any) error {
	var names []string
	if err := (listScanner{&names}).Scan(src); err != nil {
		return err
	}
	p, err := tocsin.ParsePermissions(names)
	if err != nil {
		return err
	}
	*s.to = p
	return nil
}
