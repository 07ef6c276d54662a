package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/session"
)

func TestACaptureHasNoSecrets(t *testing.T) {
	jwt := "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
	raw := `{"query":"find my notes","limit":10,"maxTokens":4096,"api_key":"k-1234","nested":{"Authorization":"Bearer abcdefghij","list":["` + jwt + `"]},
		"password":{"old":"hunter2"},"text":"the password: hunter2, url https://ada:hunter2@example.com/","key":"` + strings.Repeat("A1b2", 12) + `","github":"ghp_abcdefgh1234"}`
	got := withoutSecrets(json.RawMessage(raw))
	for _, secret := range []string{jwt, "k-1234", "abcdefghij", "hunter2", "A1b2A1b2", "ghp_abc"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is in\n%s", secret, got)
		}
	}
	for _, plain := range []string{`"query": "find my notes"`, `"limit": 10`, `"maxTokens": 4096`, "example.com"} {
		if !strings.Contains(got, plain) {
			t.Errorf("%q is not in\n%s", plain, got)
		}
	}
	for raw, want := range map[string]string{"": "", "{": "[unreadable]", `"` + strings.Repeat("x ", maxCaptured) + `"`: "[too large]"} {
		if got := withoutSecrets(json.RawMessage(raw)); got != want {
			t.Errorf("%.20q gives %.60q", raw, got)
		}
	}
}

// Without a capture a call costs what it did: the contents are not looked at.
func TestWithoutACaptureContentsCostNothing(t *testing.T) {
	dir := t.TempDir()
	report := control.Report(config.Paths{Config: dir, State: dir}, control.Session{})
	defer report.Close()
	told := tell(report)
	cost := func(content json.RawMessage) float64 {
		return testing.AllocsPerRun(200, func() {
			told(session.Call{At: time.Time{}, Method: "tools/call", Outcome: session.Answered, Params: content, Answer: content})
		})
	}
	// Amortised: the queue grows now and then.
	large := cost(json.RawMessage(`{"text":"` + strings.Repeat("x ", 100_000) + `"}`))
	none := cost(nil)
	if large > none+1 {
		t.Errorf("%v allocations with contents, %v without", large, none)
	}
	if large > 2 {
		t.Errorf("%v allocations", large)
	}
}
