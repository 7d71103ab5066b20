package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Waits between two attempts. A server that asks for more than longestAsk is not
// waited for: the window of its rate limit is a minute.
const (
	firstWait   = 200 * time.Millisecond
	longestWait = 10 * time.Second
	longestAsk  = time.Minute
)

// repeat runs attempt until it succeeds, until asking again cannot help, or
// until it has been tried often enough.
func (c *Client) repeat(ctx context.Context, r *request, attempt func(context.Context) (*Response, error)) (*Response, error) {
	for n := 1; ; n++ {
		res, err := attempt(ctx)
		if err == nil {
			return res, nil
		}
		var problem *Error
		if !errors.As(err, &problem) && !errors.Is(err, errTooLong) {
			err = &ConnectionError{
				Method: r.method, URL: strings.TrimSuffix(c.base.String(), "/") + r.path,
				Attempts: n, IdempotencyKey: r.key, Err: causeOf(err),
			}
		}
		if ctx.Err() != nil {
			return res, fmt.Errorf("%w (given up: %w)", err, context.Cause(ctx))
		}
		if n >= c.attempts || !worthRepeating(err) {
			return res, err
		}
		wait := c.wait(n, problem)
		if problem != nil && problem.RetryAfter > longestAsk {
			return res, err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return res, fmt.Errorf("%w (given up: %w)", err, context.DeadlineExceeded)
		}
		if stopped := c.sleep(ctx, wait); stopped != nil {
			return res, fmt.Errorf("%w (given up: %w)", err, stopped)
		}
	}
}

// worthRepeating reports whether asking again may get another answer. Each
// write has an idempotency key, so asking twice never changes twice.
func worthRepeating(err error) bool {
	var problem *Error
	if !errors.As(err, &problem) {
		return !errors.Is(err, errTooLong)
	}
	switch problem.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusInternalServerError:
		return problem.Code == "unknown"
	default:
		return false
	}
}

// wait says how long to wait after attempt n: any time up to a bound that
// doubles, so that many who failed together do not come back together; and not
// before the server asked to be asked again.
func (c *Client) wait(n int, problem *Error) time.Duration {
	bound := min(longestWait, firstWait<<(n-1))
	var asked time.Duration
	if problem != nil {
		asked = problem.RetryAfter
	}
	var random [8]byte
	if _, err := io.ReadFull(c.random, random[:]); err != nil {
		return asked + bound
	}
	return asked + time.Duration(binary.BigEndian.Uint64(random[:])%uint64(bound+1))
}

// causeOf takes off what net/http puts around a cause: the method and address,
// which a ConnectionError says itself.
func causeOf(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}
