package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// plainIncident is what the plain handler encodes: the same members as a real
// answer.
type plainIncident struct {
	ID               string   `json:"id"`
	CheckID          *string  `json:"check_id"`
	CheckName        *string  `json:"check_name"`
	CheckURL         *string  `json:"check_url"`
	Status           string   `json:"status"`
	Severity         string   `json:"severity"`
	Type             string   `json:"type"`
	Title            string   `json:"title"`
	ErrorMessage     string   `json:"error_message"`
	StartedAt        int64    `json:"started_at"`
	ResolvedAt       *int64   `json:"resolved_at"`
	AffectedRegions  []string `json:"affected_regions"`
	FailureCount     int64    `json:"failure_count"`
	NotificationSent bool     `json:"notification_sent"`
	CreatedAt        int64    `json:"created_at"`
	UpdatedAt        int64    `json:"updated_at"`
}

// servePlain is the yardstick: a net/http handler that decodes the same JSON,
// checks a key against its hash and encodes the same incident, and does nothing
// else: no router, no log, no disk.
func servePlain(l net.Listener, key string) error {
	want := sha256.Sum256([]byte(key))
	check, name, url := "0198c5c2-7d3f-7000-8000-000000000000", "Payment Service", "https://payments.example.com/health"
	var mu sync.Mutex
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("X-API-Key")))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		var patch struct {
			Severity     *string `json:"severity"`
			ErrorMessage *string `json:"error_message"`
		}
		if err != nil || json.Unmarshal(raw, &patch) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		inc := plainIncident{
			ID: r.URL.Path[len("/api/incidents/"):], CheckID: &check, CheckName: &name, CheckURL: &url,
			Status: "open", Type: "connection_error", Title: "Payment Service - Connection Error",
			StartedAt: 1703001600000, AffectedRegions: []string{"us-east-1", "us-west-2", "eu-west-1"}, FailureCount: 3,
			CreatedAt: 1703001600000, UpdatedAt: time.Now().UnixMilli(),
		}
		mu.Lock()
		inc.Severity, inc.ErrorMessage = *patch.Severity, *patch.ErrorMessage
		mu.Unlock()
		body, err := json.Marshal(map[string]any{"success": true, "data": map[string]any{"incident": inc}})
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
}
