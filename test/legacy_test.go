package test

import (
	"encoding/json"
	"testing"

	"drawbridge/test/harness"
)

// TestLegacySSEServer: the official SDK's client reaches the real
// server-everything over HTTP+SSE of 2024-11-05, which drawbridge finds out by
// itself.
func TestLegacySSEServer(t *testing.T) {
	t.Parallel()
	rig := harness.New(t)
	var server struct{ URL string }
	if err := json.Unmarshal([]byte(harness.StartScript(t, "sse.mjs")), &server); err != nil {
		t.Fatal(err)
	}
	for _, transport := range []string{"auto", "sse"} {
		result, err := rig.RunClient(harness.Client{
			Command: []string{rig.Binary(), "stdio", "--no-agent", "--url", server.URL, "--transport", transport},
			Env:     rig.ClientEnv(), List: true, Calls: []string{`echo={"message":"over the old road"}`, "echo"},
		})
		if err != nil || len(result.Tools()) < 5 {
			t.Fatalf("%s: %v, tools %v\n%s", transport, err, result.Tools(), result.Result)
		}
		if calls := result.Calls(); len(calls) != 2 || !calls[0].OK || calls[0].Text != "Echo: over the old road" {
			t.Errorf("%s: calls %+v", transport, calls)
		}
	}
}
