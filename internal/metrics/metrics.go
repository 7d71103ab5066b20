// Package metrics counts what operators watch, in Prometheus form. It has its
// own registry; it must never carry what identifies a tenant or a person.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tocsin/internal/store"
)

// Metrics are the server's counters. They are a store.Observer.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	batches   prometheus.Histogram
	commits   prometheus.Histogram
	refused   *prometheus.CounterVec
}

var _ store.Observer = (*Metrics)(nil)

// New returns counters that stand at zero.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_http_requests_total", Help: "Requests answered, by route and status code.",
		}, []string{"route", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tocsin_http_request_duration_seconds", Help: "Time to answer a request, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route"}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tocsin_commit_batch_size", Help: "Commands committed together.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tocsin_commit_duration_seconds", Help: "Time from a batch's first read to its durable commit.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_commit_refused_total", Help: "Commands turned away undone, by reason.",
		}, []string{"reason"}),
	}
	m.registry.MustRegister(m.requests, m.durations, m.batches, m.commits, m.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// WatchQueue adds a gauge of the commands that wait to be committed.
func (m *Metrics) WatchQueue(waiting func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tocsin_commit_queue_length", Help: "Commands waiting to be committed.",
	}, func() float64 { return float64(waiting()) }))
}

// WatchAudit adds gauges of how far behind the signing of the logs is, and of
// how many logs will not be signed until somebody acts.
func (m *Metrics) WatchAudit(lag func() time.Duration, refused func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tocsin_audit_lag_seconds", Help: "Age of the oldest log entry that no signed checkpoint may hold yet.",
	}, func() float64 { return lag().Seconds() }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tocsin_audit_refused_logs", Help: "Logs that will not be signed until an operator acts.",
	}, func() float64 { return float64(refused()) }))
}

// Request counts one answered request.
func (m *Metrics) Request(route string, status int, d time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(route).Observe(d.Seconds())
}

// Committed is store.Observer's.
func (m *Metrics) Committed(n int, d time.Duration) {
	m.batches.Observe(float64(n))
	m.commits.Observe(d.Seconds())
}

// Refused is store.Observer's.
func (m *Metrics) Refused(reason string) { m.refused.WithLabelValues(reason).Inc() }

// Handler answers with all of them in Prometheus' text form.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
