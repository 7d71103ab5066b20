package metrics_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin/internal/metrics"
)

// The names are what people's dashboards and alerts are made of.
func TestMetrics_areToldByTheseNames(t *testing.T) {
	t.Parallel()
	m := metrics.New()
	m.WatchQueue(func() int { return 7 })
	m.WatchAudit(func() time.Duration { return 1500 * time.Millisecond }, func() int { return 2 })
	m.Request("GET /healthz", 200, 2*time.Millisecond)
	m.Request("GET /healthz", 200, 3*time.Second)
	m.Request("unmatched", 404, time.Millisecond)
	m.Committed(3, 4*time.Millisecond)
	m.Refused("queue_full")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{
		`tocsin_http_requests_total{code="200",route="GET /healthz"} 2`,
		`tocsin_http_requests_total{code="404",route="unmatched"} 1`,
		`tocsin_http_request_duration_seconds_bucket{route="GET /healthz",le="0.0025"} 1`,
		`tocsin_http_request_duration_seconds_count{route="GET /healthz"} 2`,
		`tocsin_commit_batch_size_sum 3`,
		`tocsin_commit_duration_seconds_bucket{le="0.005"} 1`,
		`tocsin_commit_refused_total{reason="queue_full"} 1`,
		`tocsin_commit_queue_length 7`,
		`tocsin_audit_lag_seconds 1.5`,
		`tocsin_audit_refused_logs 2`,
	} {
		if !strings.Contains(w.Body.String(), "\n"+line+"\n") {
			t.Errorf("without %s", line)
		}
	}
	for _, family := range []string{"go_goroutines ", "process_start_time_seconds "} {
		if !strings.Contains(w.Body.String(), "\n"+family) {
			t.Errorf("without %s, which says how the process is", family)
		}
	}
}

func TestMetrics_areEachServersOwn(t *testing.T) {
	t.Parallel()
	one, other := metrics.New(), metrics.New() // a global registry would refuse the second
	one.Refused("waited")
	w := httptest.NewRecorder()
	other.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if strings.Contains(w.Body.String(), "waited") {
		t.Error("one server's counter is in another's answer")
	}
}
