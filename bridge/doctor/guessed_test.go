package doctor_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/doctor"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/vault"
)

// TestWithoutMetadata: a server of 2025-03-26 without any metadata is amber where
// a sign-in can use the paths of that time, and red where nobody is at them.
func TestWithoutMetadata(t *testing.T) {
	for _, there := range []bool{true, false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/mcp":
				w.WriteHeader(http.StatusUnauthorized)
			case r.URL.Path == "/authorize" && there:
				w.WriteHeader(http.StatusBadRequest) // no client is named
			default:
				http.NotFound(w, r)
			}
		}))
		t.Cleanup(server.Close)
		dir := t.TempDir()
		m := credential.NewManager(credential.Config{Paths: config.Paths{Config: dir + "/c", State: dir + "/s"}, Vault: vault.NewMemory()})
		s := config.Server{URL: server.URL + "/mcp"}
		got := doctor.Run(t.Context(), doctor.Config{Server: s, Account: "default", Credential: m.Account(s, "")})
		check(t, got)
		status, word := report.Fail, "HTTP 404"
		if there {
			status, word = report.Warn, "/authorize (HTTP 400)"
		}
		want(t, got, map[string]report.Status{"issuer.metadata": status})
		if l := lineOf(got, "issuer.metadata"); !strings.Contains(l.Got, word) || l.Remedy == "" {
			t.Errorf("it says %+v", l)
		}
		if (got.Outcome == report.Broken) == there {
			t.Errorf("outcome %s", got.Outcome)
		}
	}
}
