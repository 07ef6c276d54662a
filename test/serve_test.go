package test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestServe: the official SDK's client, over both transports, reaches
// server-everything through `drawbridge serve` and a sign-in at oidc-provider,
// with an API key; without one nothing is to be had.
func TestServe(t *testing.T) {
	t.Parallel()
	p := signedIn(t, time.Minute)
	key := strings.TrimSpace(p.MustRun("key", "create", "sdk").Stdout)
	served := p.Start("serve", "--listen", "127.0.0.1:0")
	var base string
	if !eventually(10*time.Second, func() bool {
		said, _ := served.Ended(0)
		_, rest, ok := strings.Cut(said.Stderr, "Serving at ")
		base, _, _ = strings.Cut(rest, "\n")
		return ok && strings.Contains(rest, "\n")
	}) {
		said, _ := served.Ended(0)
		t.Fatalf("it does not serve: %s", said.Stderr)
	}
	for _, endpoint := range []string{"/mcp", "/sse"} {
		var got struct {
			Tools       []string
			Text, Error string
			Progress    int
		}
		line := harness.StartScript(t, "http-client.mjs", base+"/"+name+endpoint, "Authorization=Bearer "+key)
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		if got.Error != "" || len(got.Tools) < 5 || got.Text != "Echo: over http" || got.Progress == 0 {
			t.Errorf("%s: %s", endpoint, line)
		}
		resp, err := http.Get(base + "/" + name + endpoint)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a key: HTTP %d", endpoint, resp.StatusCode)
		}
	}
	if counts := p.provider.Counts(); counts.SignIns != 1 {
		t.Errorf("%d sign-ins, want one", counts.SignIns)
	}
	if got := p.Run("audit", "verify"); got.Status != 0 {
		t.Errorf("audit verify: %v", got)
	}
}
