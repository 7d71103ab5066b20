// Package httpkit is what every HTTP door of Tocsin stands on: handlers that
// return errors, one wide log event a request, limits, and recovery.
//
// Wrap is the outermost handler, NewMux routes, NewServer bounds what a client
// may cost. An error's shape on the wire belongs to the door: it comes as a
// Renderer.
//
// It must never know a noun of the domain, read a credential, or log a query
// string, a header or a body.
package httpkit

import (
	"log/slog"
	"net/http"
	"time"
)

// A Handler answers a request or returns why not. An error goes to the door's
// Renderer; a Handler that began its answer and then returns an error has the
// connection cut, so that nobody takes half an answer for a whole one.
type Handler func(w http.ResponseWriter, r *http.Request) error

// A Renderer writes an error in a dialect's own shape. It must set the status
// of every error, also of those it does not know.
type Renderer func(w http.ResponseWriter, r *http.Request, err error)

// The bounds of NewServer. A request head may have maxHead bytes in all.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHead           = 16 << 10
	// netHTTPSlop is what net/http reads beyond MaxHeaderBytes.
	netHTTPSlop = 4096
)

// NewServer returns a server for h that drops slow clients and refuses heads
// over 16 KiB. What net/http has to complain about goes to logger at debug:
// nearly all of it is clients that went away.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHead - netHTTPSlop,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		// "OPTIONS *" is a request like any other: logged, and not found.
		DisableGeneralOptionsHandler: true,
	}
}
