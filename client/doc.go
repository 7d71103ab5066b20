// Package client is the Go client of Tocsin's native API, the one under /v1. It
// is self-contained: it imports the standard library alone, and its types are
// those of the wire.
//
// A write is safe to repeat: each carries an idempotency key, kept over its
// retries, so a cut connection or a busy server is met by asking again. An
// answer that is no success is an *[Error]; errors.Is tells its kind.
//
// The package must never keep a token anywhere but in memory, never send it to
// another address than the one given, and never read an answer without a bound.
package client
