package store

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"tocsin"
)

// A Record is one log entry as it is stored. Leaf holds the very bytes that
// LeafHash is of; nothing ever writes them anew. Details and Nonce are nil once
// the details were erased, which the leaf's commitment to them survives.
type Record struct {
	Org     tocsin.ID
	Seq     int64
	Kind    tocsin.Kind
	Object  tocsin.ID
	Version int64
	// PrevSeq is the sequence number of the object's previous record, 0 at version 1.
	PrevSeq  int64
	Leaf     []byte
	LeafHash [32]byte
	Details  []byte
	Nonce    []byte
}

// leafVersion is the number of the leaf's schema; readers refuse others.
const leafVersion = 1

// MaxLeaf is the most bytes a leaf may have (C2SP tlog-tiles: 16-bit lengths).
const MaxLeaf = 65_535

// LeafHash returns SHA-256(0x00 || leaf) (RFC 6962, section 2.1).
func LeafHash(leaf []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(leaf)
	return [32]byte(h.Sum(nil))
}

// Commitment returns HMAC-SHA256 of details under the nonce: it binds a leaf to
// its details without giving them away.
func Commitment(nonce, details []byte) [32]byte {
	m := hmac.New(sha256.New, nonce)
	m.Write(details)
	return [32]byte(m.Sum(nil))
}

// OriginOf returns the name of an organisation's log, which every leaf carries:
// made once, never derived from an address.
func OriginOf(installation, org tocsin.ID) string {
	return "tocsin/" + installation.String() + "/" + org.String()
}

// draft is what seal makes a record of.
type draft struct {
	origin  string
	id      tocsin.ID
	actor   tocsin.Actor
	action  string
	note    string
	kind    tocsin.Kind
	meta    tocsin.Meta
	prevSeq int64
	prev    [32]byte
	old     []tocsin.Field
	changed []tocsin.Field
	nonce   []byte
}

// seal writes the leaf and the details of one entry.
func seal(d draft) Record {
	details := make([]byte, 0, 512)
	details = append(details, `{"after":`...)
	details = appendFields(details, d.changed)
	details = append(details, `,"before":`...)
	details = appendFields(details, d.old)
	details = append(details, `,"ip":`...)
	details = appendText(details, d.actor.Address)
	details = append(details, `,"note":`...)
	details = appendText(details, d.note)
	details = append(details, `,"ua":`...)
	details = appendText(details, d.actor.Agent)
	details = append(details, '}')
	commitment := Commitment(d.nonce, details)

	b := make([]byte, 0, 768)
	b = append(b, `{"act":`...)
	b = appendText(b, d.action)
	b = append(b, `,"actor":{"id":`...)
	b = appendIDText(b, d.actor.User)
	b = append(b, `,"kind":`...)
	b = appendText(b, string(d.actor.Kind))
	b = append(b, `,"via":`...)
	if d.actor.Key.IsZero() {
		b = append(b, `""`...)
	} else {
		b = append(b, `"key:`...)
		b = append(b, d.actor.Key.String()...)
		b = append(b, '"')
	}
	b = append(b, `},"at":"`...)
	b = d.meta.UpdatedAt.AppendFormat(b, tocsin.TimeLayout)
	b = append(b, `","chg":`...)
	b = appendHexText(b, commitment[:])
	b = append(b, `,"door":`...)
	b = appendText(b, d.actor.Door)
	b = append(b, `,"fields":[`...)
	for i, f := range d.changed {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, f.Name)
	}
	b = append(b, `],"id":`...)
	b = appendIDText(b, d.id)
	b = append(b, `,"log":`...)
	b = appendText(b, d.origin)
	b = append(b, `,"obj":{"id":`...)
	b = appendIDText(b, d.meta.ID)
	b = append(b, `,"kind":`...)
	b = appendText(b, string(d.kind))
	b = append(b, `,"ver":`...)
	b = strconv.AppendInt(b, d.meta.Version, 10)
	b = append(b, `},"org":`...)
	b = appendIDText(b, d.meta.Org)
	b = append(b, `,"prev":`...)
	b = appendHexText(b, d.prev[:])
	b = append(b, `,"req":`...)
	b = appendText(b, d.actor.Request)
	b = append(b, `,"seq":`...)
	b = strconv.AppendInt(b, d.meta.Seq, 10)
	b = append(b, `,"v":`...)
	b = strconv.AppendInt(b, leafVersion, 10)
	b = append(b, '}')

	return Record{
		Org: d.meta.Org, Seq: d.meta.Seq, Kind: d.kind, Object: d.meta.ID, Version: d.meta.Version,
		PrevSeq: d.prevSeq, Leaf: b, LeafHash: LeafHash(b), Details: details, Nonce: d.nonce,
	}
}

type leafJSON struct {
	Action string `json:"act"`
	Actor  struct {
		ID   string `json:"id"`
		Kind string `json:"kind"`
		Via  string `json:"via"`
	} `json:"actor"`
	At         string   `json:"at"`
	Commitment string   `json:"chg"`
	Door       string   `json:"door"`
	Fields     []string `json:"fields"`
	ID         string   `json:"id"`
	Log        string   `json:"log"`
	Object     struct {
		ID      string `json:"id"`
		Kind    string `json:"kind"`
		Version int64  `json:"ver"`
	} `json:"obj"`
	Org     string `json:"org"`
	Prev    string `json:"prev"`
	Request string `json:"req"`
	Seq     int64  `json:"seq"`
	Version int    `json:"v"`
}

type detailsJSON struct {
	After   map[string]any `json:"after"`
	Before  map[string]any `json:"before"`
	Address string         `json:"ip"`
	Note    string         `json:"note"`
	Agent   string         `json:"ua"`
}

// read reads the record's leaf.
func (r Record) read() (leafJSON, error) {
	var leaf leafJSON
	err := decodeCanonical(r.Leaf, &leaf)
	if err == nil && leaf.Version != leafVersion {
		err = fmt.Errorf("it has form %d, this version of tocsin knows %d", leaf.Version, leafVersion)
	}
	if err != nil {
		return leafJSON{}, fmt.Errorf("leaf %d of organisation %s: %w", r.Seq, r.Org, err)
	}
	return leaf, nil
}

// Entry reads a record's leaf and, where it still has them, its details.
func (r Record) Entry() (tocsin.Entry, error) {
	leaf, err := r.read()
	if err != nil {
		return tocsin.Entry{}, err
	}
	at, err := time.Parse(tocsin.TimeLayout, leaf.At)
	if err != nil {
		return tocsin.Entry{}, fmt.Errorf("leaf %d of organisation %s: %w", r.Seq, r.Org, err)
	}
	id, _ := tocsin.ParseID(leaf.ID)
	user, _ := tocsin.ParseID(leaf.Actor.ID)
	object, _ := tocsin.ParseID(leaf.Object.ID)
	key, _ := tocsin.ParseID(strings.TrimPrefix(leaf.Actor.Via, "key:"))
	e := tocsin.Entry{
		ID: id, Seq: leaf.Seq, Kind: tocsin.Kind(leaf.Object.Kind), Object: object, Version: leaf.Object.Version,
		Action: leaf.Action, At: at, Actor: tocsin.ActorKind(leaf.Actor.Kind), User: user, Key: key,
		Door: leaf.Door, Request: leaf.Request, Fields: leaf.Fields, Redacted: r.Details == nil, Leaf: r.LeafHash,
	}
	if e.Redacted {
		return e, nil
	}
	var d detailsJSON
	if err := decodeCanonical(r.Details, &d); err != nil {
		return tocsin.Entry{}, fmt.Errorf("details %d of organisation %s: %w", r.Seq, r.Org, err)
	}
	e.Address, e.Agent, e.Note = d.Address, d.Agent, d.Note
	for _, name := range leaf.Fields {
		e.Changes = append(e.Changes, tocsin.FieldChange{Name: name, Old: valueOf(d.Before[name]), New: valueOf(d.After[name])})
	}
	return e, nil
}

// Verify checks what one record can show by itself: that its hash is of its
// leaf, its columns say what the leaf says, and its details are those that the
// leaf commits to.
func (r Record) Verify() error {
	leaf, err := r.read()
	if err != nil {
		return err
	}
	switch {
	case LeafHash(r.Leaf) != r.LeafHash:
		return fmt.Errorf("record %d: the hash is not of the leaf", r.Seq)
	case leaf.Seq != r.Seq, leaf.Org != r.Org.String(), leaf.Object.Kind != string(r.Kind),
		leaf.Object.ID != r.Object.String(), leaf.Object.Version != r.Version:
		return fmt.Errorf("record %d: the columns differ from the leaf", r.Seq)
	case r.Details == nil:
		return nil
	}
	if sum := Commitment(r.Nonce, r.Details); hex.EncodeToString(sum[:]) != leaf.Commitment {
		return fmt.Errorf("record %d: the details are not those committed to", r.Seq)
	}
	return nil
}

// Prev returns the leaf hash of the object's previous version that the leaf
// names, in lower-case hexadecimal.
func (r Record) Prev() (string, error) {
	leaf, err := r.read()
	return leaf.Prev, err
}

// decodeCanonical reads the one JSON value that b holds.
func decodeCanonical(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more after the JSON value")
	}
	return nil
}

// valueOf turns a decoded JSON value back into a Value.
func valueOf(x any) tocsin.Value {
	switch x := x.(type) {
	case string:
		return tocsin.Text(x)
	case json.Number:
		n, _ := x.Int64()
		return tocsin.Int(n)
	case bool:
		return tocsin.Bool(x)
	case []any:
		list := make([]string, len(x))
		for i, e := range x {
			list[i], _ = e.(string)
		}
		return tocsin.List(list)
	default:
		return tocsin.Value{}
	}
}
