package test

import (
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestNoTokenAnywhere goes through a life of a credential: sign-in, calls,
// refreshes, trouble, sign-out. Then it looks for every secret that the
// provider gave out or was shown in all that drawbridge printed, logged and
// wrote, in file names and in the arguments and environments of its processes.
func TestNoTokenAnywhere(t *testing.T) {
	t.Parallel()
	p := start(t, 2*time.Second)
	run := func(args ...string) harness.Result { return p.Run(append(args, "--verbose")...) }
	for _, args := range [][]string{
		{"add", name, p.gate.URL},
		{"login", name},
		{"list"},
		{"list", "--json"},
		{"status", "--json"},
		{"status", name},
		{"inspect", name},
		{"inspect", name, "--json"},
	} {
		if got := run(args...); got.Status != 0 {
			t.Fatal(got)
		}
	}

	pipe := p.StartPipe(nil, "stdio", name, "--verbose")
	pipe.Initialize()
	pipe.Call("tools/list", `{}`)
	time.Sleep(2500 * time.Millisecond) // the token ends, the next call needs another
	pipe.Call("tools/call", `{"name":"echo","arguments":{"message":"x"}}`)
	p.gate.Order(map[string]any{"do": "deny", "times": 1})
	pipe.Call("tools/call", `{"name":"echo","arguments":{"message":"y"}}`)
	check(t, p, "while a session is open")

	// Trouble makes errors, and errors are where secrets slip out.
	p.provider.Order(map[string]any{"do": "unavailable", "paths": []string{"/token"}, "times": 2})
	time.Sleep(2500 * time.Millisecond)
	pipe.Call("tools/call", `{"name":"echo","arguments":{"message":"z"}}`)
	p.provider.Order(map[string]any{"do": "revoke"})
	time.Sleep(2500 * time.Millisecond)
	answer := pipe.Call("tools/call", `{"name":"echo","arguments":{"message":"no"}}`)
	if answer.Error == nil && !strings.Contains(string(answer.Result), `"isError":true`) {
		t.Errorf("a call with a revoked grant was answered with %s", answer.Result)
	}
	if strange := pipe.Strange(); len(strange) > 0 {
		t.Errorf("stdout carried what is not MCP: %q", strange)
	}
	pipe.Close()
	run("status", name)
	run("inspect", name)
	if got := run("token", name); got.Stdout != "" {
		t.Error("a token was printed although the grant is revoked")
	}
	run("logout", name)
	check(t, p, "after the sign-out")
}

func check(t *testing.T, p place, when string) {
	t.Helper()
	secrets := append(p.provider.Tokens(), p.gate.Tokens()...)
	kinds := map[string]int{}
	for _, s := range secrets {
		kinds[s.Kind]++
	}
	for _, kind := range []string{"access_token", "refresh_token", "code", "code_verifier"} {
		if kinds[kind] == 0 {
			t.Fatalf("%s: the provider knows of no %s; the test would find nothing", when, kind)
		}
	}
	found, places := p.Leaks(secrets)
	for _, leak := range found {
		t.Errorf("%s: %s", when, leak)
	}
	t.Logf("%s: %d places, %v", when, places, kinds)
}

// TestLeaksFindsThem breaks the search on purpose: what `token` prints is a
// secret, and it must be found.
func TestLeaksFindsThem(t *testing.T) {
	t.Parallel()
	p := signedIn(t, lasting)
	if found, _ := p.Leaks(p.provider.Tokens()); len(found) > 0 {
		t.Fatalf("leaks before the token was printed: %q", found)
	}
	p.MustRun("token", name)
	if found, _ := p.Leaks(p.provider.Tokens()); len(found) == 0 {
		t.Error("the printed token was not found")
	}
}
