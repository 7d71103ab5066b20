package sqlstore

import (
	"database/sql"
	"slices"

	"tocsin"
)

var roles = &table{
	kind: tocsin.KindRole, name: "roles",
	mutable: "name, permissions",
	mutableValues: func(o tocsin.Object) []any {
		r := o.(*tocsin.Role)
		return []any{r.Name, jsonText(r.Permissions.Names())}
	},
	fresh: func() (tocsin.Object, []any) {
		r := new(tocsin.Role)
		return r, append(metaDest(r.Head()), &r.Name, toPermissions(&r.Permissions))
	},
}

var grants = &table{
	kind: tocsin.KindGrant, name: "grants",
	fixed:   "user_id, role, scope, scope_id",
	mutable: "revoked_at",
	fixedValues: func(o tocsin.Object) []any {
		g := o.(*tocsin.Grant)
		return []any{g.User[:], g.Role, string(g.Scope), g.ScopeID[:]}
	},
	mutableValues: func(o tocsin.Object) []any { return []any{micros(o.(*tocsin.Grant).RevokedAt)} },
	fresh: func() (tocsin.Object, []any) {
		g := new(tocsin.Grant)
		return g, append(metaDest(g.Head()), toID(&g.User), &g.Role, &g.Scope, toID(&g.ScopeID), toTime(&g.RevokedAt))
	},
}

var apiKeys = &table{
	kind: tocsin.KindAPIKey, name: "api_keys",
	fixed:   "owner_id, project_id, secret_hash",
	mutable: "name, permissions, expires_at, revoked_at",
	fixedValues: func(o tocsin.Object) []any {
		k := o.(*tocsin.APIKey)
		return []any{k.Owner[:], optional(k.Project), k.SecretHash[:]}
	},
	mutableValues: func(o tocsin.Object) []any {
		k := o.(*tocsin.APIKey)
		return []any{k.Name, jsonText(k.Permissions.Names()), micros(k.ExpiresAt), micros(k.RevokedAt)}
	},
	fresh: func() (tocsin.Object, []any) {
		k := new(tocsin.APIKey)
		return k, append(
			metaDest(k.Head()),
			toID(&k.Owner), toID(&k.Project), toHash(&k.SecretHash),
			&k.Name, toPermissions(&k.Permissions), toTime(&k.ExpiresAt), toTime(&k.RevokedAt),
		)
	},
}

var invitations = &table{
	kind: tocsin.KindInvitation, name: "invitations",
	fixed:   "email, role, scope, scope_id, secret_hash, expires_at",
	mutable: "accepted_at, revoked_at, user_id",
	fixedValues: func(o tocsin.Object) []any {
		i := o.(*tocsin.Invitation)
		return []any{i.Email, i.Role, string(i.Scope), i.ScopeID[:], i.SecretHash[:], micros(i.ExpiresAt)}
	},
	mutableValues: func(o tocsin.Object) []any {
		i := o.(*tocsin.Invitation)
		return []any{micros(i.AcceptedAt), micros(i.RevokedAt), optional(i.User)}
	},
	fresh: func() (tocsin.Object, []any) {
		i := new(tocsin.Invitation)
		return i, append(
			metaDest(i.Head()),
			&i.Email, &i.Role, &i.Scope, toID(&i.ScopeID), toHash(&i.SecretHash), toTime(&i.ExpiresAt),
			toTime(&i.AcceptedAt), toTime(&i.RevokedAt), toID(&i.User),
		)
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
		if err := rows.Scan(append(slices.Concat(keyDest, ownerDest), &scope, toID(&scopeID), &role, &permissions)...); err != nil {
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
