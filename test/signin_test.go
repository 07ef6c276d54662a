package test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/test/harness"
)

// TestSignInThenInspector signs in at oidc-provider's own forms and lists the
// tools of server-everything with the MCP inspector through `drawbridge stdio`:
// the same tools, down to their schemas, as the inspector sees without it.
func TestSignInThenInspector(t *testing.T) {
	t.Parallel()
	p := signedIn(t, lasting)

	if opened := p.Opened(); len(opened) != 1 {
		t.Errorf("a browser was opened %d times, not once: %q", len(opened), opened)
	}
	seen := p.Seen(1)[0]
	if seen.Error != "" || !slices.Equal(seen.Screens, []string{"Sign-in", "Authorize"}) {
		t.Errorf("the person saw %+v", seen)
	}
	final, err := url.Parse(seen.FinalURL)
	if err != nil || final.Hostname() != "127.0.0.1" {
		t.Errorf("the browser ended on %q, not on the loopback callback", seen.FinalURL)
	}
	if lower := strings.ToLower(seen.Title + " " + seen.Text); !strings.Contains(lower, "signed in") {
		t.Errorf("the browser's last page does not say that the person is signed in: %q", lower)
	}
	counts := p.provider.Counts()
	if counts.SignIns != 1 || counts.Registrations != 1 || counts.WithoutResource != 0 || counts.WithoutPKCE != 0 {
		t.Errorf("the provider counted %+v; want one sign-in, one registration, resource and PKCE everywhere", counts)
	}

	through := p.Inspector(p.ClientEnv(), append(p.stdio(), "--method", "tools/list")...)
	if through.Status != 0 {
		t.Fatal(through)
	}
	direct := p.Inspector(nil, p.gate.Upstream, "--method", "tools/list")
	if direct.Status != 0 {
		t.Fatal(direct)
	}
	want, got := tools(t, direct.Stdout), tools(t, through.Stdout)
	if len(want) < 10 {
		t.Fatalf("the inspector sees only %d tools on server-everything itself", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tools through drawbridge (+) and without it (-):\n%s", diff)
	}
}

// tools reads the inspector's answer. The tools that server-everything adds
// only once it has seen the client's capabilities are left out: whether a list
// has them already is a matter of time.
func tools(t *testing.T, raw string) map[string]any {
	t.Helper()
	var list struct {
		Tools []map[string]any `json:"tools"`
	}
	if err := json.Unmarshal([]byte(raw), &list); err != nil {
		t.Fatalf("the inspector said %q: %v", raw, err)
	}
	byName := map[string]any{}
	for _, tool := range list.Tools {
		name, _ := tool["name"].(string)
		if name == "get-roots-list" || strings.HasPrefix(name, "trigger-") || strings.HasPrefix(name, "simulate-") {
			continue
		}
		byName[name] = tool
	}
	return byName
}

// TestSDKClient calls tools with the official SDK's client: an answer, a sum
// that needs arguments, a call that takes a while and reports progress, and one
// that the server refuses.
func TestSDKClient(t *testing.T) {
	t.Parallel()
	p := signedIn(t, lasting)
	result, err := p.RunClient(harness.Client{
		Command: p.stdio(),
		Env:     p.ClientEnv(),
		List:    true,
		Calls: []string{
			`echo={"message":"over the bridge"}`,
			`get-sum={"a":9007199254740991,"b":-1}`,
			`trigger-long-running-operation={"duration":1,"steps":2}`,
			`no-such-tool`,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := result.Tools(); !slices.Contains(got, "echo") || !slices.Contains(got, "get-sum") {
		t.Errorf("tools: %q", got)
	}
	calls := result.Calls()
	if len(calls) != 4 {
		t.Fatalf("%d of 4 calls were answered\n%v", len(calls), result)
	}
	for i, want := range []string{"Echo: over the bridge", "9007199254740990", "Long running operation completed"} {
		if !calls[i].OK || !strings.Contains(calls[i].Text, want) {
			t.Errorf("%s answered %+v; want a text with %q", calls[i].Name, calls[i], want)
		}
	}
	if calls[3].OK {
		t.Errorf("a tool that is not there answered %+v", calls[3])
	}
	// TestStdioEndsWithItsInput sees to it that the session is ended at all.
	if counts := p.gate.Counts(); counts.ByVerb["DELETE"] > 1 {
		t.Errorf("the session was ended more than once: %+v", counts.ByVerb)
	}
}

// TestSignInRefused: the person cancels at the provider. Nothing is stored, the
// command fails and the browser's page does not claim success.
func TestSignInRefused(t *testing.T) {
	t.Parallel()
	p := start(t, lasting)
	p.SetPerson(harness.Denies)
	p.MustRun("add", name, p.gate.URL)
	result := p.Run("login", name)
	if result.Status != 1 {
		t.Errorf("want status 1: %v", result)
	}
	if lines := strings.Split(strings.TrimSpace(result.Stderr), "\n"); len(lines) < 2 {
		t.Errorf("want one line of what happened and one of what to do, got %q", result.Stderr)
	}
	seen := p.Seen(1)[0]
	if lower := strings.ToLower(seen.Title + " " + seen.Text); strings.Contains(lower, "you are signed in") {
		t.Errorf("the browser's page claims success: %q", lower)
	}
	counts := p.provider.Counts()
	if counts.SignIns != 0 || len(counts.TokenRequests) != 0 {
		t.Errorf("the provider counted %+v; want no sign-in and no token request", counts)
	}
	if got := p.Run("token", name); got.Status != 10 || got.Stdout != "" {
		t.Errorf("want status 10, sign-in needed, and no token: %v", got)
	}
}

// TestMetadataPlaces signs in to servers whose challenge does not say where
// their metadata is.
func TestMetadataPlaces(t *testing.T) {
	t.Parallel()
	for _, hint := range []string{"well-known", "root"} {
		t.Run(hint, func(t *testing.T) {
			t.Parallel()
			rig := harness.New(t)
			provider := rig.StartProvider(harness.ProviderOptions{})
			gate := rig.StartGate(provider, harness.GateOptions{Hint: hint})
			rig.SignIn(name, gate.URL)
			result, err := rig.RunClient(harness.Client{
				Command: []string{rig.Binary(), "stdio", name},
				Env:     rig.ClientEnv(),
				Calls:   []string{`echo={"message":"found"}`},
			})
			if err != nil {
				t.Fatal(err)
			}
			if failures := result.Failures(); len(failures) > 0 {
				t.Errorf("%+v\n%v", failures, result)
			}
		})
	}
}

// TestLogoutRevokes: signing out revokes the grant at the provider, and after
// it there is no token any more.
func TestLogoutRevokes(t *testing.T) {
	t.Parallel()
	p := signedIn(t, lasting)
	if got := p.MustRun("status", name); !strings.Contains(got.Stdout, "ada@example.com") {
		t.Errorf("status does not say who is signed in: %v", got)
	}
	if got := p.MustRun("token", name); strings.Count(strings.TrimSpace(got.Stdout), ".") != 2 {
		t.Errorf("token printed no JWT: %d bytes", len(got.Stdout))
	}
	p.MustRun("logout", name)
	counts := p.provider.Counts()
	if counts.Revocations == 0 || counts.GrantsRevoked != 1 || counts.LiveGrants != 0 {
		t.Errorf("the provider counted %d revocation requests, %d grants revoked, %d left; want at least one, one, none",
			counts.Revocations, counts.GrantsRevoked, counts.LiveGrants)
	}
	if got := p.Run("token", name); got.Status != 10 || got.Stdout != "" {
		t.Errorf("want status 10, sign-in needed, and no token: %v", got)
	}
	if opened := p.Opened(); len(opened) != 1 {
		t.Errorf("a browser was opened %d times, not once", len(opened))
	}
}
