package sqlstore

import (
	"database/sql"

	"tocsin"
)

var roles = &table{
	kind: tocsin.KindRole, name: "roles",
	columns: []column{{name: "name"}, {name: "permissions"}},
	values: func(o tocsin.Object) []any {
		r := o.(*tocsin.Role)
		return []any{r.Name, jsonText(r.Permissions.Names())}
	},
	fresh: func() (tocsin.Object, []any) {
		r := new(tocsin.Role)
		return r, []any{&r.Name, toPermissions(&r.Permissions)}
	},
}

var grants = &table{
	kind: tocsin.KindGrant, name: "grants",
	columns: []column{
		{name: "user_id", fixed: true}, {name: "role", fixed: true},
		{name: "scope", fixed: true}, {name: "scope_id", fixed: true}, {name: "revoked_at"},
	},
	values: func(o tocsin.Object) []any {
		g := o.(*tocsin.Grant)
		return []any{g.User[:], g.Role, string(g.Scope), g.ScopeID[:], micros(g.RevokedAt)}
	},
	fresh: func() (tocsin.Object, []any) {
		g := new(tocsin.Grant)
		return g, []any{toID(&g.User), &g.Role, &g.Scope, toID(&g.ScopeID), toTime(&g.RevokedAt)}
	},
}

var apiKeys = &table{
	kind: tocsin.KindAPIKey, name: "api_keys",
	columns: []column{
		{name: "owner_id", fixed: true}, {name: "name"}, {name: "project_id", fixed: true},
		{name: "permissions"}, {name: "secret_hash", fixed: true}, {name: "expires_at"}, {name: "revoked_at"},
	},
	values: func(o tocsin.Object) []any {
		k := o.(*tocsin.APIKey)
		return []any{
			k.Owner[:], k.Name, optional(k.Project), jsonText(k.Permissions.Names()),
			k.SecretHash[:], micros(k.ExpiresAt), micros(k.RevokedAt),
		}
	},
	fresh: func() (tocsin.Object, []any) {
		k := new(tocsin.APIKey)
		return k, []any{
			toID(&k.Owner), &k.Name, toID(&k.Project), toPermissions(&k.Permissions),
			toHash(&k.SecretHash), toTime(&k.ExpiresAt), toTime(&k.RevokedAt),
		}
	},
}

// accessSQL selects a key with its owner, one row for each live grant of the
// owner and one with NULLs where there is none.
var accessSQL = func() string {
	k, u := tables[tocsin.KindAPIKey], tables[tocsin.KindUser]
	return "SELECT " + k.columnList("k.") + ", " + u.columnList("u.") + `, g.scope, g.scope_id, g.role, r.permissions
FROM api_keys k
JOIN users u ON u.org_id = k.org_id AND u.id = k.owner_id
LEFT JOIN grants g ON g.org_id = k.org_id AND g.user_id = k.owner_id AND g.revoked_at = 0
LEFT JOIN roles r ON r.org_id = g.org_id AND r.name = g.role
WHERE k.id = $1`
}()

// LoadAccess returns the query of what an API key may do.
func LoadAccess(key tocsin.ID) Statement { return Statement{SQL: accessSQL, Args: []any{key[:]}} }

// Rows is what database/sql and pgx have in common.
type Rows interface {
	Next() bool
	Scan(...any) error
	Err() error
}

// ScanAccess reads the rows of LoadAccess; nil when there are none.
func ScanAccess(rows Rows) (*tocsin.Access, error) {
	var a *tocsin.Access
	for rows.Next() {
		key, keyDest := tables[tocsin.KindAPIKey].fresh()
		owner, ownerDest := tables[tocsin.KindUser].fresh()
		var scope, role, permissions sql.NullString
		var scopeID tocsin.ID
		dest := append(metaDest(key.Head()), keyDest...)
		dest = append(append(dest, metaDest(owner.Head())...), ownerDest...)
		if err := rows.Scan(append(dest, &scope, toID(&scopeID), &role, &permissions)...); err != nil {
			return nil, err
		}
		if a == nil {
			a = &tocsin.Access{Key: key.(*tocsin.APIKey), Owner: owner.(*tocsin.User)}
		}
		if !scope.Valid {
			continue
		}
		b := tocsin.Binding{Scope: tocsin.Scope(scope.String), ScopeID: scopeID}
		if held, builtin := tocsin.BuiltinRole(role.String); builtin {
			b.Permissions = held
		} else if permissions.Valid {
			if err := (permissionsScanner{&b.Permissions}).Scan(permissions.String); err != nil {
				return nil, err
			}
		}
		a.Bindings = append(a.Bindings, b)
	}
	return a, rows.Err()
}
