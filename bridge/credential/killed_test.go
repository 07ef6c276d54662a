package credential

import (
	"net/http"
	"testing"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// other is the same account in another process.
func other(a *Account) *Account {
	m := NewManager(Config{Paths: a.m.paths, Vault: a.m.vault, HTTP: a.m.http, Now: a.m.now})
	return m.Account(a.server, "")
}

// A process was killed between the vault and the facts: the next one uses what
// is in the vault, and the facts become true again.
func TestKilledBeforeTheFacts(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) { grant(w, "a2", "r2") })
	a := signedIn(t, e, -time.Minute)
	if _, err := a.load(t.Context()); err != nil { // knows the ended token
		t.Fatal(err)
	}
	r, err := a.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.Access, r.Refresh = secret.New("a1"), secret.New("r1")
	r.IssuedAt, r.ExpiresAt = time.Now().Round(0), time.Now().Round(0).Add(time.Hour)
	if err := a.write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	got, err := a.Bearer(t.Context())
	if err != nil || got.Reveal() != "a1" || e.requests.Load() != 0 {
		t.Errorf("Bearer = %q, %v after %d refreshes", got.Reveal(), err, e.requests.Load())
	}
	if f, err := a.Facts(); err != nil || !f.ExpiresAt.Equal(r.ExpiresAt) || f.State != SignedIn {
		t.Errorf("Facts = %+v, %v", f, err)
	}
}

// A process was killed after the server had rotated and before the vault: the
// spent token is all there is. A server with a grace period takes it again.
func TestKilledBeforeTheVault(t *testing.T) {
	e := newEndpoint(t, func(n int, w http.ResponseWriter) { grant(w, "a1", "r1") })
	a := signedIn(t, e, -time.Minute)
	r, err := a.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.askRefresh(t.Context(), r); err != nil { // and no more
		t.Fatal(err)
	}
	if got, err := other(a).Bearer(t.Context()); err != nil || got.Reveal() != "a1" {
		t.Errorf("Bearer = %v", err)
	}
}

// Whoever was told to sign in and did is not told so again, not for a moment.
func TestSignInElsewhereCountsAtOnce(t *testing.T) {
	e := newEndpoint(t, nil)
	a := signedIn(t, e, time.Hour)
	r, err := a.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.m.vault.Delete(t.Context(), tokensEntry(a.key)); err != nil {
		t.Fatal(err)
	}
	waiting := other(a)
	if err := waiting.Reject(t.Context(), Rejection{Status: 401}); !fault.Is(err, fault.SignInNeeded) {
		t.Fatalf("Reject = %v", err)
	}
	if _, err := waiting.Bearer(t.Context()); !fault.Is(err, fault.SignInNeeded) {
		t.Fatalf("Bearer = %v", err)
	}
	time.Sleep(10 * time.Millisecond) // the clock of the file system is coarse
	if err := a.write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := a.note(func(f *Facts) { f.noteRecord(r) }); err != nil {
		t.Fatal(err)
	}
	if got, err := waiting.Bearer(t.Context()); err != nil || got.Reveal() != "a0" {
		t.Errorf("Bearer after the sign-in = %v", err)
	}
}
