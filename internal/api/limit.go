package api

import (
	"container/list"
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"tocsin"
)

// maxLimited is how many keys a limiter remembers; the longest quiet goes first.
const maxLimited = 10_000

// A limiter lets each key make so many requests a minute: a bucket of that many
// tokens, which fills up again within a minute.
type limiter struct {
	quota int
	now   func() time.Time

	mu      sync.Mutex
	entries map[tocsin.ID]*list.Element
	recent  list.List // of *bucket, the last used in front
}

type bucket struct {
	key    tocsin.ID
	tokens *rate.Limiter
}

func newLimiter(quota int, now func() time.Time) *limiter {
	return &limiter{quota: quota, now: now, entries: make(map[tocsin.ID]*list.Element)}
}

// admit takes a request of a key and says so in the answer's header, or refuses it.
func (l *limiter) admit(key tocsin.ID, h http.Header) error {
	if l.quota == 0 {
		return nil
	}
	now := l.now()
	tokens := l.bucket(key)
	allowed := tokens.AllowN(now, 1)
	left := max(tokens.TokensAt(now), 0)
	perSecond := float64(l.quota) / 60
	h.Set("RateLimit-Policy", fmt.Sprintf(`"api";q=%d;w=60`, l.quota))
	if allowed {
		h.Set("RateLimit", fmt.Sprintf(`"api";r=%.0f;t=%.0f`, math.Floor(left), math.Ceil((float64(l.quota)-left)/perSecond)))
		return nil
	}
	wait := max(1, math.Ceil((1-left)/perSecond))
	h.Set("RateLimit", fmt.Sprintf(`"api";r=0;t=%.0f`, wait))
	return &tocsin.Error{
		Code: tocsin.RateLimited, Message: fmt.Sprintf("this key may make %d requests a minute", l.quota),
		RetryAfter: time.Duration(wait) * time.Second,
	}
}

// bucket returns a key's bucket, a full one for a key that was quiet.
func (l *limiter) bucket(key tocsin.ID) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[key]; ok {
		l.recent.MoveToFront(e)
		return e.Value.(*bucket).tokens
	}
	if len(l.entries) >= maxLimited {
		last := l.recent.Back()
		delete(l.entries, last.Value.(*bucket).key)
		l.recent.Remove(last)
	}
	b := &bucket{key: key, tokens: rate.NewLimiter(rate.Limit(float64(l.quota)/60), l.quota)}
	l.entries[key] = l.recent.PushFront(b)
	return b.tokens
}
