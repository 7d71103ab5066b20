package app

import (
	"log/slog"
	"net/http"

	"tocsin/internal/metrics"
	"tocsin/internal/store"
)

// Handler returns the server's handler over a store of the test's, which New
// would open itself.
func Handler(s store.Store, logger *slog.Logger) http.Handler {
	a := &App{Services: NewServices(s), opts: Options{Logger: logger, PublicURL: "https://tocsin.example"}, metrics: metrics.New()}
	h, err := a.handler()
	if err != nil {
		panic(err)
	}
	return h
}
