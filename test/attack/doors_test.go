package attack_test

import (
	"encoding/base64"

	"tocsin/test/harness"
)

func doors() []door {
	return []door{
		{name: "S", method: "POST", path: "/api/v1/incidents/", credential: basic, media: "application/json", shape: hasSodaError},
		{name: "U", method: "PUT", path: "/api/incidents/", credential: apiKey, media: "application/json", shape: hasUptimeError},
		{name: "N", method: "PATCH", path: "/v1/incidents/", credential: bearer, media: "application/problem+json", shape: hasProblem},
	}
}

// basic is the Soda dialect's credential.
func basic(k harness.Key) string { return basicOf(k.ID.String() + ":" + k.Token) }

func basicOf(pair string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

// apiKey is the UptimeIO dialect's credential.
func apiKey(k harness.Key) string { return "X-API-Key: " + k.Token }

// bearer is the native API's credential.
func bearer(k harness.Key) string { return "Authorization: Bearer " + k.Token }
