// Package crash kills the real binary again and again while clients change
// incidents over HTTP, and holds what was stored against what was answered: no
// acknowledged change is lost, none is there by half, none twice, and the log
// replays to exactly what the tables hold.
//
// SIGKILL leaves the page cache alone: that a commit is on the disk, and not
// only in the kernel, is for a test that cuts the power.
package crash_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tocsin/internal/app"
	"tocsin/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, "failpoint") }

// options of a long run, as in: go test ./test/crash -kills 200 -changes 100000
var (
	kills   = flag.Int("kills", 20, "how many times to kill the server")
	changes = flag.Int("changes", 12_000, "how many acknowledged changes to reach at least")
	workers = flag.Int("workers", 32, "how many clients change incidents at once")
	seed    = flag.Uint64("seed", 0, "what decides when to kill; 0 takes the time")
)

// failpoints are the named places at which the program can be made to die.
func failpoints() []string {
	return []string{"before-transaction", "after-objects", "after-records", "before-commit", "after-commit"}
}

func TestNoAcknowledgedChangeIsLost(t *testing.T) {
	random := newRandom(t)
	c := newCampaign(t)
	for i := range *kills {
		quota := max(1, (*changes-c.acknowledged)/(*kills-i))
		var env []string
		if i%2 == 0 && i < *kills-1 { // at a named place; else at a moment by chance
			// A batch serves several changes, so this comes before the quota.
			env = append(env, fmt.Sprintf("FAILPOINT=%s:%d", failpoints()[i/2%len(failpoints())], 1+random.IntN(1+quota/16)))
		}
		c.round(t, quota, time.Duration(random.Int64N(int64(5*time.Millisecond))), env...)
		c.check(t)
		if t.Failed() {
			t.Fatalf("this was after kill %d %v", i+1, env)
		}
	}
	c.finish(t)
	if c.acknowledged < *changes {
		t.Errorf("only %d changes were acknowledged, should be %d: the test was too idle to show anything", c.acknowledged, *changes)
	}
	fmt.Printf("%d kills, %d acknowledged, %d lost\n", *kills, c.acknowledged, len(c.lost))
}

// A test that cannot fail shows nothing: with answers before COMMIT it must
// find a loss.
func TestLostChangesWouldBeFound(t *testing.T) {
	random := newRandom(t)
	c := newCampaign(t)
	const most = 60 // one in three shows it
	for i := range most {
		c.round(t, 200, time.Duration(random.Int64N(int64(5*time.Millisecond))), "FAILPOINT_BUG=ack-before-commit")
		if c.compare(t); len(c.lost) > 0 {
			t.Logf("found after %d kills: %s", i+1, c.lost[0])
			return
		}
	}
	t.Fatalf("%d kills of a server that answers before COMMIT showed no loss: the test is blind", most)
}

// newRandom says which seed would repeat the run's choices.
func newRandom(t *testing.T) *rand.Rand {
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with -seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// A campaign is one database under many rounds of load and a kill each.
type campaign struct {
	database app.Database
	clients  *clients
	ledger   *ledger

	acknowledged int
	// pending are the answers that no check has looked for yet.
	pending []ack
	lost    []string
}

func newCampaign(t *testing.T) *campaign {
	t.Helper()
	c := &campaign{database: harness.Engines()[0].Fresh(t)}
	services, end := harness.Open(t, c.database)
	tenant := harness.NewTenant(t, services)
	c.clients = newClients(t, tenant, *workers)
	c.ledger = newLedger()
	end() // a second process would keep the server's recovery from happening
	return c
}

// round runs a server under load until it has answered about quota changes, or
// has died by itself, and kills it a moment later: straight after an answer a
// server is always at the same work.
func (c *campaign) round(t *testing.T, quota int, moment time.Duration, env ...string) {
	t.Helper()
	server := harness.Serve(t, c.database, env...)
	acks := c.clients.load(server.URL, quota, server.Done(), func() {
		time.Sleep(moment)
		server.Kill()
	})
	c.pending = append(c.pending, acks...)
	c.acknowledged += len(acks)
}

// compare starts a server again, which recovers the database, and looks beside
// it for everything that was acknowledged since the last time.
func (c *campaign) compare(t *testing.T) {
	t.Helper()
	server := harness.Serve(t, c.database)
	services, end := harness.Open(t, c.database)
	c.ledger.read(t, services)
	for _, a := range c.pending {
		if n := c.ledger.seen[a]; n != 1 {
			c.lost = append(c.lost, fmt.Sprintf("%s was acknowledged and is in the log %d times", a, n))
		}
	}
	c.pending = nil
	end()
	server.Stop()
}

// check is compare, and fails the test over a loss.
func (c *campaign) check(t *testing.T) {
	t.Helper()
	c.compare(t)
	for _, l := range c.lost {
		t.Error(l)
	}
}

// finish reads the whole log once more from its beginning and compares every
// object of every kind with what the log replays to.
func (c *campaign) finish(t *testing.T) {
	t.Helper()
	server := harness.Serve(t, c.database)
	services, end := harness.Open(t, c.database)
	whole := newLedger()
	whole.read(t, services)
	whole.agrees(t, services)
	if len(whole.seen) != len(c.ledger.seen) || whole.next != c.ledger.next {
		t.Errorf("the log read at once has %d entries, read kill by kill it had %d", whole.next-1, c.ledger.next-1)
	}
	end()
	server.Stop()
}
