package api_test

import (
	"net/http"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
)

const samplePath = "/v1/incidents/" + api.SampleIncident

func TestIncidentRoundTrip(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	got := f.Call(t, apitest.Request{Path: samplePath})
	if got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	t.Logf("%s", got.Body)
	patched := f.Call(t, apitest.Request{Method: http.MethodPatch, Path: samplePath, Body: `{"severity":"critical"}`, Media: "application/merge-patch+json"})
	t.Logf("%d %v %s", patched.Status, patched.Header, patched.Body)
}
