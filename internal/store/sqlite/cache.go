package sqlite

import (
	"sync"

	"tocsin"
	"tocsin/internal/store"
)

// maxCached is how many objects one generation of the cache holds; there are two.
const maxCached = 32 << 10

type cacheKey struct {
	org tocsin.ID
	store.Key
}

// A cache holds objects and access as the database had them after some commit
// of this process. Only the writer publishes what it committed, right after the
// commit; a reader may add what it found missing, unless something has been
// dropped since it began to read: then what it read may be older than what was
// dropped.
//
// Objects live in two generations: when the young one is full it becomes the
// old one, and the old one is dropped.
type cache struct {
	mu         sync.RWMutex
	young, old map[cacheKey]tocsin.Object
	access     map[tocsin.ID]*tocsin.Access
	// drops counts the times that anything was dropped.
	drops uint64
}

func newCache() *cache {
	c := &cache{}
	c.clear()
	return c
}

// clear drops everything.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young, c.old = make(map[cacheKey]tocsin.Object), nil
	c.access = make(map[tocsin.ID]*tocsin.Access)
	c.drops++
}

// get returns an object and, for a later add, the present number of drops.
func (c *cache) get(k cacheKey) (tocsin.Object, uint64) {
	c.mu.RLock()
	o, young := c.young[k]
	old := false
	if !young {
		o, old = c.old[k]
	}
	drops := c.drops
	c.mu.RUnlock()
	if old {
		c.add(k, o, drops) // in use: it outlives the next change of generation
	}
	return o, drops
}

// add puts in what a reader found, unless it is there or drops have happened.
func (c *cache) add(k cacheKey, o tocsin.Object, drops uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.young[k]; there || c.drops != drops {
		return
	}
	if newer, there := c.old[k]; there {
		o = newer
	}
	c.put(k, o)
}

// publish puts in what the writer committed.
func (c *cache) publish(k cacheKey, o tocsin.Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(k, o)
}

func (c *cache) put(k cacheKey, o tocsin.Object) {
	if len(c.young) >= maxCached {
		c.young, c.old = make(map[cacheKey]tocsin.Object, maxCached), c.young
		c.drops++
	}
	c.young[k] = o
}

func (c *cache) getAccess(key tocsin.ID) (*tocsin.Access, uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.access[key], c.drops
}

func (c *cache) addAccess(a *tocsin.Access, drops uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops == drops {
		if len(c.access) >= maxCached {
			c.access = make(map[tocsin.ID]*tocsin.Access)
		}
		c.access[a.Key.ID] = a
	}
}

// dropAccess forgets who may do what.
func (c *cache) dropAccess() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.access = make(map[tocsin.ID]*tocsin.Access)
	c.drops++
}
