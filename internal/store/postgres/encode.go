package postgres

import (
	"encoding/binary"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"
)

// A list is an argument that is an array, one element a row.
type list []any

// encoder writes the arguments of one statement in PostgreSQL's binary form. It
// knows the few types that the schema has; the driver's own does the same with
// several times the work, on every argument of every change.
type encoder struct {
	buffer []byte
	ends   []int // of each value in buffer; negative for NULL
	values [][]byte
}

// encode returns the arguments as oids want them, good until the next call.
func (e *encoder) encode(oids []uint32, args []any) ([][]byte, error) {
	if len(oids) != len(args) {
		return nil, fmt.Errorf("%d arguments for %d parameters", len(args), len(oids))
	}
	e.buffer, e.ends, e.values = e.buffer[:0], e.ends[:0], e.values[:0]
	var err error
	for i, arg := range args {
		if arg == nil {
			e.ends = append(e.ends, -1)
			continue
		}
		if e.buffer, err = appendArgument(e.buffer, oids[i], arg); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		e.ends = append(e.ends, len(e.buffer))
	}
	start := 0
	for _, end := range e.ends {
		if end < 0 {
			e.values = append(e.values, nil)
			continue
		}
		e.values = append(e.values, e.buffer[start:end:end])
		start = end
	}
	return e.values, nil
}

func appendArgument(b []byte, oid uint32, arg any) ([]byte, error) {
	elements, ok := arg.(list)
	if !ok {
		return appendScalar(b, oid, arg)
	}
	element, err := elementOf(oid)
	if err != nil {
		return nil, err
	}
	const dimensions, mayHaveNull, firstIndex = 1, 1, 1
	for _, head := range []uint32{dimensions, mayHaveNull, element, uint32(len(elements)), firstIndex} {
		b = binary.BigEndian.AppendUint32(b, head)
	}
	for _, x := range elements {
		at := len(b)
		b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // the length of NULL
		if x == nil {
			continue
		}
		if b, err = appendScalar(b, element, x); err != nil {
			return nil, err
		}
		binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	}
	return b, nil
}

func appendScalar(b []byte, oid uint32, x any) ([]byte, error) {
	switch x := x.(type) {
	case []byte:
		if oid == pgtype.ByteaOID {
			return append(b, x...), nil
		}
	case string:
		if oid == pgtype.TextOID {
			return append(b, x...), nil
		}
	case int64:
		return appendInteger(b, oid, x)
	case int32:
		return appendInteger(b, oid, int64(x))
	case int:
		return appendInteger(b, oid, int64(x))
	}
	return nil, fmt.Errorf("a %T cannot be sent as the type with oid %d", x, oid)
}

func appendInteger(b []byte, oid uint32, n int64) ([]byte, error) {
	switch {
	case oid == pgtype.Int8OID:
		return binary.BigEndian.AppendUint64(b, uint64(n)), nil
	case oid == pgtype.Int4OID && int64(int32(n)) == n:
		return binary.BigEndian.AppendUint32(b, uint32(n)), nil
	}
	return nil, fmt.Errorf("the number %d cannot be sent as the type with oid %d", n, oid)
}

// elementOf returns the type of an array's elements.
func elementOf(array uint32) (uint32, error) {
	switch array {
	case pgtype.ByteaArrayOID:
		return pgtype.ByteaOID, nil
	case pgtype.TextArrayOID:
		return pgtype.TextOID, nil
	case pgtype.Int8ArrayOID:
		return pgtype.Int8OID, nil
	case pgtype.Int4ArrayOID:
		return pgtype.Int4OID, nil
	}
	return 0, fmt.Errorf("oid %d is not of an array that is used here", array)
}

// arrayName returns what a statement calls an array of the type.
func arrayName(element uint32) (string, error) {
	switch element {
	case pgtype.ByteaOID:
		return "bytea[]", nil
	case pgtype.TextOID:
		return "text[]", nil
	case pgtype.Int8OID:
		return "bigint[]", nil
	case pgtype.Int4OID:
		return "integer[]", nil
	}
	return "", fmt.Errorf("oid %d is not of a type that is used here", element)
}
