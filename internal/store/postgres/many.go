package postgres

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"tocsin/internal/store/sqlstore"
)

// The shared SQL writes one row a statement. Here, where each statement costs the
// server a start and an end, rows of one shape go together: the same text is made
// to take arrays, one element a row.

// parameter finds the parameters of a statement.
var parameter = regexp.MustCompile(`\$(\d+)`)

// manyRows returns the statement that does for arrays what the single-row one
// with these parameter types does for values.
func manyRows(single string, oids []uint32) (string, error) {
	types := make([]string, len(oids))
	columns := make([]string, len(oids))
	for i, oid := range oids {
		name, err := arrayName(oid)
		if err != nil {
			return "", fmt.Errorf("parameter %d of %q: %w", i+1, single, err)
		}
		types[i], columns[i] = fmt.Sprintf("$%d::%s", i+1, name), fmt.Sprintf("p%d", i+1)
	}
	rows := "unnest(" + strings.Join(types, ", ") + ")"
	if into, values, found := strings.Cut(single, " VALUES ("); found && strings.HasPrefix(single, "INSERT ") {
		_, tail, _ := strings.Cut(values, ")")
		return into + " SELECT * FROM " + rows + tail, nil
	}
	if from, where, found := strings.Cut(single, " WHERE "); found && strings.HasPrefix(single, "DELETE ") {
		remove := from + " USING " + rows + " AS r (" + strings.Join(columns, ", ") + ") WHERE " + parameter.ReplaceAllString(where, "r.p$1")
		return mustChange(remove, "cardinality($1::"+strings.TrimPrefix(types[0], "$1::")+")"), nil
	}
	if set, where, found := strings.Cut(single, " WHERE "); found && strings.HasPrefix(single, "UPDATE ") {
		update := parameter.ReplaceAllString(set, "r.p$1") + " FROM " + rows + " AS r (" + strings.Join(columns, ", ") + ") WHERE " +
			parameter.ReplaceAllString(where, "r.p$1")
		return mustChange(update, "cardinality($1::"+strings.TrimPrefix(types[0], "$1::")+")"), nil
	}
	return "", fmt.Errorf("%q is neither an INSERT of VALUES nor an UPDATE or a DELETE", single)
}

// mustChange makes an update or a delete that does not find all its rows fail at
// the server, where COMMIT is already on its way: it divides by zero.
func mustChange(update, rows string) string {
	return "WITH changed AS (" + update + " RETURNING 1) SELECT 1 / (count(*) = " + rows + ")::integer FROM changed"
}

// A rowGroup is rows to be written by statements of one text.
type rowGroup struct {
	text string
	rows [][]any
}

// rowGroups collects rows by text, in order of first appearance.
type rowGroups struct {
	groups []*rowGroup
	byText map[string]*rowGroup
}

func (g *rowGroups) add(st sqlstore.Statement) {
	group := g.byText[st.SQL]
	if group == nil {
		if g.byText == nil {
			g.byText = make(map[string]*rowGroup)
		}
		group = &rowGroup{text: st.SQL}
		g.byText[st.SQL] = group
		g.groups = append(g.groups, group)
	}
	group.rows = append(group.rows, st.Args)
}

// request returns the group as one request: a lone row as it is, for which the
// array statement would cost more than it saves.
func (g *rowGroup) request() (request, error) {
	switch {
	case len(g.rows) == 0:
		return request{}, errors.New("a group without rows")
	case len(g.rows) == 1 && !strings.HasPrefix(g.text, "INSERT "):
		return request{Statement: sqlstore.Statement{SQL: mustChange(g.text, "1"), Args: g.rows[0]}}, nil
	case len(g.rows) == 1:
		return request{Statement: sqlstore.Statement{SQL: g.text, Args: g.rows[0]}}, nil
	}
	args := make([]any, len(g.rows[0]))
	for column := range args {
		values := make(list, len(g.rows))
		for row := range g.rows {
			values[row] = g.rows[row][column]
		}
		args[column] = values
	}
	return request{Statement: sqlstore.Statement{SQL: g.text, Args: args, Any: true}, many: true}, nil
}
