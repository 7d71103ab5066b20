package operate

import (
	"fmt"
	"strings"
	"time"
)

// A check judges one thing. It is pure; nil facts of the other engine are none
// of its business, for needs says when it applies.
type check struct {
	name  string
	needs func(facts) bool
	judge func(facts) (State, string, string)
}

func always(facts) bool       { return true }
func embedded(f facts) bool   { return f.Host.Dir != nil }
func examined(f facts) bool   { return f.EngineError == nil }
func onSQLite(f facts) bool   { return f.SQLite != nil && f.SQLite.Version != "" }
func onPostgres(f facts) bool { return f.PostgreSQL != nil && f.PostgreSQL.Version != "" }
func hasLogs(f facts) bool    { return examined(f) && f.schema() == f.Known }

// checks are all that the doctor looks at, in order.
func checks() []check {
	return []check{
		{"directory", embedded, judgeDirectory},
		{"owner", embedded, judgeOwner},
		{"disk space", embedded, judgeSpace},
		{"disk sync", embedded, judgeSync},
		{"open files", always, judgeOpenFiles},
		{"database", always, judgeEngine},
		{"sqlite", onSQLite, judgeSQLite},
		{"file", onSQLite, judgeFile},
		{"write-ahead log", onSQLite, judgeWAL},
		{"postgresql", onPostgres, judgePostgres},
		{"durability", onPostgres, judgeDurability},
		{"collation", onPostgres, judgeCollation},
		{"connections", onPostgres, judgeConnections},
		{"role", onPostgres, judgeRole},
		{"standbys", onPostgres, judgeStandbys},
		{"server", examined, judgeServed},
		{"schema", examined, judgeSchema},
		{"logs", hasLogs, judgeLogs},
		{"audit trees", hasLogs, judgeTrees},
		{"clock", always, judgeClock},
	}
}

// judge returns the findings of all checks that apply.
func judge(f facts) []Finding {
	var findings []Finding
	for _, c := range checks() {
		if c.needs(f) {
			state, detail, advice := c.judge(f)
			findings = append(findings, Finding{c.name, state, detail, advice})
		}
	}
	return findings
}

func judgeDirectory(f facts) (State, string, string) {
	d := f.Host.Dir
	if d.Mode&0o077 != 0 {
		return Warn, fmt.Sprintf("%s has mode %04o", d.Path, d.Mode), "others on this machine can get in: chmod 700 " + d.Path
	}
	return OK, d.Path + " is its owner's only", ""
}

func judgeOwner(f facts) (State, string, string) {
	d := f.Host.Dir
	switch {
	case len(d.Strangers) > 0:
		return Fail, "another user than the directory's owns " + strings.Join(d.Strangers, ", "),
			fmt.Sprintf("the server may not be able to write them: chown -R %d %s, and run commands as the server's user", d.Owner, d.Path)
	case d.Owner != f.Host.User:
		return Warn, fmt.Sprintf("the directory belongs to user %d, and this is user %d", d.Owner, f.Host.User), "run commands as the user that the server runs as"
	default:
		return OK, fmt.Sprintf("user %d owns it all", d.Owner), ""
	}
}

// leastSpace is how much space must be left, in bytes; below plentySpace it is
// worth a look.
const (
	leastSpace  = 100e6
	plentySpace = 1e9
)

func judgeSpace(f facts) (State, string, string) {
	free := f.Host.Dir.Free
	detail := fmt.Sprintf("%d MB are free", free/1e6)
	switch {
	case free < leastSpace:
		return Fail, detail, "changes are refused when the disk is full: make room now"
	case free < plentySpace:
		return Warn, detail, "make room before changes are refused"
	default:
		return OK, detail, ""
	}
}

// quickSync is less than a disk takes.
const quickSync = 50 * time.Microsecond

func judgeSync(f facts) (State, string, string) {
	d := f.Host.Dir
	switch {
	case d.SyncError != nil:
		return Fail, d.SyncError.Error(), "nothing can be made durable here: look at the disk and at the directory's permissions"
	case d.Sync < quickSync:
		return OK, fmt.Sprintf("a sync takes %s, less than a disk needs: memory, or a cache that must outlive a power cut", d.Sync), ""
	default:
		return OK, fmt.Sprintf("a sync takes %s", d.Sync.Round(time.Microsecond)), ""
	}
}

func judgeOpenFiles(f facts) (State, string, string) {
	detail := fmt.Sprintf("a process here may open %d", f.Host.OpenFiles)
	if f.Host.OpenFiles < 1024 {
		return Warn, detail, "each connection takes one: raise the limit (ulimit -n, LimitNOFILE=) to 4096 or more"
	}
	return OK, detail, ""
}

func judgeEngine(f facts) (State, string, string) {
	if f.EngineError != nil {
		return Fail, f.EngineError.Error(), "nothing below it could be looked at; 'tocsin serve' would not start either"
	}
	return OK, "can be read", ""
}

func judgeSQLite(f facts) (State, string, string) {
	h := f.SQLite
	detail := fmt.Sprintf("SQLite %s, journal %s, synchronous %d", h.Version, h.Journal, h.Synchronous)
	if h.Journal != "wal" || h.Synchronous != 2 {
		return Fail, detail, "it must be wal and 2 (FULL): is the file system one that SQLite cannot share memory on, as NFS?"
	}
	return OK, detail, ""
}

func judgeFile(f facts) (State, string, string) {
	if f.SQLite.Damage != nil {
		return Fail, f.SQLite.Damage.Error(), "stop the server, keep a copy of the whole directory, and restore the newest backup elsewhere"
	}
	return OK, fmt.Sprintf("sound, %d MB", f.SQLite.Bytes/1e6), ""
}

// longWAL is a size of the write-ahead log, in bytes, that only a reader which
// does not end explains.
const longWAL = 512e6

func judgeWAL(f facts) (State, string, string) {
	detail := fmt.Sprintf("%d MB", f.SQLite.WALBytes/1e6)
	if f.SQLite.WALBytes > longWAL {
		return Warn, detail, "something reads for long and keeps it from being cut, as a backup to a slow disk; a restart cuts it"
	}
	return OK, detail, ""
}

func judgePostgres(f facts) (State, string, string) {
	h := f.PostgreSQL
	return OK, fmt.Sprintf("PostgreSQL %s, %s, %d MB", h.Version, h.Encoding, h.Bytes/1e6), ""
}

func judgeDurability(f facts) (State, string, string) {
	h := f.PostgreSQL
	detail := fmt.Sprintf("synchronous_commit %s, full_page_writes %s, data_checksums %s", h.SynchronousCommit, h.FullPageWrites, h.Checksums)
	switch {
	case h.FullPageWrites != "on":
		return Warn, detail, "a crash can tear pages: set full_page_writes=on"
	case h.Checksums != "on":
		return Warn, detail, "damage on disk goes unseen: turn checksums on with pg_checksums --enable, when the server is stopped"
	default:
		return OK, detail, ""
	}
}

func judgeCollation(f facts) (State, string, string) {
	// Every column has a collation of its own, so the database's is no fault.
	return OK, f.PostgreSQL.Collation + "; Tocsin compares bytes whatever it is", ""
}

func judgeConnections(f facts) (State, string, string) {
	h := f.PostgreSQL
	detail := fmt.Sprintf("%d of %d in use", h.Used, h.Limit)
	if h.Used*10 > h.Limit*8 {
		return Warn, detail, "a node needs up to 20: raise max_connections, or set pool_max_conns in the URL"
	}
	return OK, detail, ""
}

func judgeRole(f facts) (State, string, string) {
	h := f.PostgreSQL
	switch {
	case !h.MayCreate:
		return Fail, "it may not create tables", "migrations will fail: GRANT CREATE ON SCHEMA public, or make it the schema's owner"
	case h.Superuser:
		return Warn, "it is a superuser", "connect as an ordinary role that owns the database, which can harm no other"
	default:
		return OK, "an ordinary one that may migrate", ""
	}
}

func judgeStandbys(f facts) (State, string, string) {
	h := f.PostgreSQL
	detail := fmt.Sprintf("%d connected, commits wait for %d", h.Standbys, h.SynchronousStandbys)
	if h.SynchronousNames == "" {
		return OK, detail + " (synchronous_standby_names is empty)", ""
	}
	if h.SynchronousStandbys == 0 {
		return Warn, detail + ", and should for " + h.SynchronousNames, "no such standby is seen: changes wait without end if that is so; or the role lacks pg_monitor"
	}
	return OK, detail, ""
}

func judgeServed(f facts) (State, string, string) {
	if f.served() {
		return OK, "running on this database", ""
	}
	return OK, "none is running on this database", ""
}

func judgeSchema(f facts) (State, string, string) {
	detail := fmt.Sprintf("version %d, this program knows %d", f.schema(), f.Known)
	switch {
	case f.schema() > f.Known:
		return Fail, detail, "run the newer program that made it"
	case f.schema() < f.Known:
		return Warn, detail, "the next start brings it up to date; 'tocsin migrate --dry-run' tries that first"
	default:
		return OK, detail, ""
	}
}

func judgeLogs(f facts) (State, string, string) {
	var entries int64
	for _, l := range f.logs() {
		if !l.Whole() {
			return Fail, fmt.Sprintf("that of organisation %s has %d entries from %d to %d, and its head says %d", l.Org, l.Entries, l.First, l.Last, l.Head),
				"entries were lost or deleted: keep a copy of all as it is, and compare with a backup and with saved checkpoints"
		}
		entries += l.Entries
	}
	return OK, fmt.Sprintf("%d with %d entries, none missing", len(f.logs()), entries), ""
}

// lateTree is how long an entry may wait to be in the audit tree.
const lateTree = 10 * time.Second

func judgeTrees(f facts) (State, string, string) {
	var behind int64
	var oldest time.Duration
	signed := 0
	for _, l := range f.logs() {
		if l.Tree > l.Last {
			return Fail, fmt.Sprintf("that of organisation %s holds %d entries, and the log has %d", l.Org, l.Tree, l.Last), "the log was cut after it was signed: keep a copy of all as it is"
		}
		if l.Signed {
			signed++
		}
		behind += l.Last - l.Tree
		if !l.Waiting.IsZero() {
			oldest = max(oldest, f.Host.Now.Sub(l.Waiting))
		}
	}
	detail := fmt.Sprintf("%d of %d logs have a checkpoint, %d entries wait", signed, len(f.logs()), behind)
	if f.served() && oldest > lateTree {
		return Warn, fmt.Sprintf("%s, the oldest for %s", detail, oldest.Round(time.Second)), "no new checkpoints are signed; the server's log says why"
	}
	return OK, detail, ""
}

// maxSkew is how far clocks may be apart.
const maxSkew = 2 * time.Second

func judgeClock(f facts) (State, string, string) {
	const advice = "run a time service, as chrony or systemd-timesyncd"
	now := f.Host.Now
	if f.PostgreSQL != nil && f.PostgreSQL.Version != "" {
		if skew := f.PostgreSQL.Skew.Round(time.Millisecond); skew.Abs() > maxSkew {
			return Warn, fmt.Sprintf("the database server's clock is %s ahead of this machine's", skew), advice + ", on both"
		}
	}
	if now.Year() < 2025 {
		return Fail, "this machine says it is " + now.UTC().Format(time.RFC3339), advice
	}
	if f.EngineError == nil {
		for _, l := range f.logs() {
			if ahead := l.Newest.Sub(now); ahead > maxSkew {
				return Warn, fmt.Sprintf("the newest entry of organisation %s is %s in the future", l.Org, ahead.Round(time.Second)), "this clock, or one that it was written by, is wrong: " + advice
			}
		}
	}
	return OK, now.UTC().Format(time.RFC3339), ""
}
