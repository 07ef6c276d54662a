package test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
	"drawbridge/test/harness"
)

// TestDPoP signs in at a real oidc-provider that binds tokens to a key and wants
// its nonce in each proof, and calls a server that takes no other tokens. The key
// is in the keychain: another process, and one after it, proves with the same. A
// renewal and nonces that change at both cost no sign-in, and two processes that
// call while it all happens renew once.
func TestDPoP(t *testing.T) {
	t.Parallel()
	rig := harness.New(t)
	provider := rig.StartProvider(harness.ProviderOptions{AccessTTL: lasting, DPoP: true})
	p := place{rig, provider, rig.StartGate(provider, harness.GateOptions{DPoP: true})}
	p.SignIn(name, p.gate.URL)

	pipes := []*harness.Pipe{p.StartPipe(nil, "stdio", name), p.StartPipe(nil, "stdio", name)}
	for _, pipe := range pipes {
		pipe.Initialize()
	}
	calls := 0
	call := func(when string, pipe *harness.Pipe, times int) {
		t.Helper()
		var all sync.WaitGroup
		for i := range times {
			all.Go(func() {
				if m := pipe.Call("tools/call", fmt.Sprintf(`{"name":"echo","arguments":{"message":"%s %d"}}`, when, i)); m.Error != nil {
					t.Errorf("%s, call %d: %s", when, i, m.Error)
				}
			})
		}
		all.Wait()
		calls += times
		if got := p.gate.Counts().ByTool["echo"]; got != calls {
			t.Errorf("%s: %d calls have reached the server; want %d", when, got, calls)
		}
	}
	renewed := func(when string, want int) {
		t.Helper()
		if got := p.provider.Counts().Refreshes; got != want {
			t.Errorf("%s: %d renewals; want %d", when, got, want)
		}
	}
	for _, pipe := range pipes {
		call("signed in", pipe, 4)
	}
	p.gate.Order(map[string]any{"do": "nonce"})
	for _, pipe := range pipes {
		call("another nonce of the server", pipe, 8) // all at once with the old one
	}
	renewed("nothing was wrong with the token", 0)

	p.gate.Order(map[string]any{"do": "distrust"})
	for _, pipe := range pipes {
		call("the token was refused", pipe, 4)
	}
	renewed("by whichever came first", 1)

	p.provider.Order(map[string]any{"do": "nonces"})
	p.gate.Order(map[string]any{"do": "nonce"})
	p.gate.Order(map[string]any{"do": "distrust"})
	var both sync.WaitGroup
	for _, pipe := range pipes {
		both.Go(func() {
			if m := pipe.Call("tools/list", "{}"); m.Error != nil {
				t.Errorf("both at once, another nonce of either server: %s", m.Error)
			}
		})
	}
	both.Wait()
	renewed("together", 2)

	for _, pipe := range pipes {
		if r := pipe.Close(); r.Status != 0 {
			t.Errorf("%v", r)
		}
	}
	later := p.StartPipe(nil, "stdio", name)
	later.Initialize()
	call("after a restart", later, 1)

	counts, seen := p.provider.Counts(), p.gate.Counts()
	if seen.Proofs.Keys != 1 || seen.Proofs.Proofs != seen.Passed || seen.Refused["invalid"] != 0 {
		t.Errorf("the server saw %+v and refused %v; want one key, and a proof for each of %d requests", seen.Proofs, seen.Refused, seen.Passed)
	}
	if opened := p.Opened(); len(opened) != 1 || counts.SignIns != 1 || counts.Reuses != 0 || counts.WithoutResource != 0 {
		t.Errorf("browser opened %d times; the provider counted %+v", len(opened), counts)
	}
	for _, e := range counts.Errors {
		if e.Error != "use_dpop_nonce" {
			t.Errorf("the provider refused: %+v", e)
		}
	}
	thiefs(t, p)
	noKeyInFiles(t, p)
}

// thiefs tries the token that the server took last as somebody does who has read
// it and has not the key: the gate is as strict as the test above needs it.
func thiefs(t *testing.T, p place) {
	t.Helper()
	tokens := p.gate.Tokens()
	token := secret.New(tokens[len(tokens)-1].Value)
	other, err := oauth.NewProver()
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(p.gate.URL)
	if err != nil {
		t.Fatal(err)
	}
	try := func(scheme, proof string) (string, http.Header) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.gate.URL, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", scheme+" "+token.Reveal())
		if proof != "" {
			req.Header.Set("DPoP", proof)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("a thief gets HTTP %d", resp.StatusCode)
		}
		return resp.Header.Get("WWW-Authenticate"), resp.Header
	}
	if said, _ := try("Bearer", ""); !strings.Contains(said, "invalid_token") {
		t.Errorf("as a bearer token: %s", said)
	}
	if said, _ := try("DPoP", ""); !strings.Contains(said, "There is no proof") {
		t.Errorf("without a proof: %s", said)
	}
	proof := func(method string, u *url.URL, access secret.String) string {
		made, err := other.Proof(method, u, access, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	said, header := try("DPoP", proof(http.MethodPost, target, token))
	if !strings.Contains(said, "use_dpop_nonce") || !other.Note(target, http.StatusUnauthorized, header, "") {
		t.Errorf("without the nonce: %s", said)
	}
	if said, _ := try("DPoP", proof(http.MethodPost, target, token)); !strings.HasPrefix(after(said, "Wrong in the proof: "), `cnf.jkt"`) {
		t.Errorf("with another key: %s", said)
	}
	elsewhere := *target
	elsewhere.Path = "/other"
	if said, _ := try("DPoP", proof(http.MethodGet, &elsewhere, secret.New("another token"))); !strings.Contains(said, "htm htu ath cnf.jkt") {
		t.Errorf("with a proof for another request and token: %s", said)
	}
}

func after(s, prefix string) string {
	_, rest, _ := strings.Cut(s, prefix)
	return rest
}

// keyForm is how a P-256 key begins in PKCS #8 and Base64, and what it is called in
// the record.
var keyForm = regexp.MustCompile(`MIGHAgEAMBMGByqGSM49|dpop_key`)

// noKeyInFiles looks for the key wherever a file of Drawbridge's is.
func noKeyInFiles(t *testing.T, p place) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(p.Home, func(path string, entry os.DirEntry, err error) error {
		if err != nil || strings.Contains(path, "/keyrings/") || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // gone meanwhile
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // gone meanwhile
		}
		files++
		if keyForm.Match(raw) {
			t.Errorf("a key in %s", path)
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("%d files looked through, %v", files, err)
	}
	if r := p.Run("status", "--json"); keyForm.MatchString(r.Stdout + r.Stderr) {
		t.Errorf("status shows a key: %v", r)
	}
}
