package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strings"

	"tocsin"
)

// macLength is how many bytes of the HMAC a cursor carries.
const macLength = 16

// A list is what a cursor is bound to: the organisation, the path and the
// filters. The size of the page is free.
type listName string

// nameList names the list that a request asks for.
func nameList(org tocsin.ID, path, rawQuery string) listName {
	values, _ := url.ParseQuery(rawQuery) // a bad one has been refused
	values.Del("cursor")
	values.Del("limit")
	return listName(org.String() + "\x00" + path + "\x00" + values.Encode())
}

// seal makes a cursor of a position in a list.
func (c *core) seal(list listName, position []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(c.mac(list, position), position...))
}

// unseal returns the position in a cursor that this list was given.
func (c *core) unseal(list listName, cursor string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || strings.ContainsAny(cursor, "\r\n") || len(raw) < macLength || !hmac.Equal(raw[:macLength], c.mac(list, raw[macLength:])) {
		return nil, badParameter("cursor", "is not one of this list with these filters")
	}
	return raw[macLength:], nil
}

func (c *core) mac(list listName, position []byte) []byte {
	m := hmac.New(sha256.New, c.CursorKey[:])
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(list))))
	m.Write([]byte(list))
	m.Write(position)
	return m.Sum(nil)[:macLength]
}

// cutPage makes a page of what was found, which is one more than fits when there
// is a next page. position is that of an item.
func cutPage[F, T any](c *Call, p Paging, found []F, show func(F) T, position func(F) []byte) Answer[Page[T]] {
	more := len(found) > p.limit()
	if more {
		found = found[:p.limit()]
	}
	page := Page[T]{Items: make([]T, len(found))}
	for i, f := range found {
		page.Items[i] = show(f)
	}
	if more {
		next := c.core.seal(c.list(), position(found[len(found)-1]))
		page.Next = &next
		c.linkNext(next)
	}
	return Answer[Page[T]]{Body: page}
}

// numbers are positions that are whole numbers.
func numbers(ns ...int64) []byte {
	var b []byte
	for _, n := range ns {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return b
}

// after returns the numbers of the position at which the page begins, nil for the
// first page.
func (c *Call) after(p Paging, count int) ([]int64, error) {
	if p.Cursor == "" {
		return nil, nil
	}
	raw, err := c.core.unseal(c.list(), p.Cursor)
	if err != nil || len(raw) != 8*count {
		return nil, badParameter("cursor", "is not one of this list with these filters")
	}
	ns := make([]int64, count)
	for i := range ns {
		ns[i] = int64(binary.BigEndian.Uint64(raw[8*i:]))
	}
	return ns, nil
}
