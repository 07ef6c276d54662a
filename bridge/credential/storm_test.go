package credential

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// A token that the server refused, and that cannot be renewed, is not offered
// again and again: whoever waits for a sign-in asks every second.
func TestRefusedTokenIsNotOfferedAgain(t *testing.T) {
	for name, refresh := range map[string]string{"renewable": "r0", "not renewable": ""} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, func(_ int, w http.ResponseWriter) { refuse(w, 400, `{"error":"invalid_grant"}`) })
			a := signedIn(t, e, time.Hour)
			var skip atomic.Int64 // what the clock is ahead
			a.m.now = func() time.Time { return time.Now().Add(time.Duration(skip.Load())) }
			r, err := a.read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r.Refresh = secret.New(refresh)
			if err := a.write(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			got, err := a.Bearer(t.Context())
			if err != nil || got.Reveal() != "a0" {
				t.Fatalf("Bearer = %v", err)
			}
			if err := a.Reject(t.Context(), Rejection{Token: got, Status: 401}); !fault.Is(err, fault.SignInNeeded) {
				t.Fatalf("Reject = %v", err)
			}
			for range 3 {
				if _, err := a.Bearer(t.Context()); !fault.Is(err, fault.SignInNeeded) {
					t.Fatalf("Bearer after the refusal = %v", err)
				}
			}
			// A server may have erred: after a while it is asked once more.
			skip.Store(int64(time.Minute))
			if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != "a0" {
				t.Errorf("Bearer a minute later = %v", err)
			}
			// A new sign-in counts at once.
			r.Access = secret.New("a1")
			_ = a.Reject(t.Context(), Rejection{Token: got, Status: 401})
			if err := errors.Join(a.write(t.Context(), r), a.note(func(f *Facts) { f.noteRecord(r) })); err != nil {
				t.Fatal(err)
			}
			skip.Add(int64(2 * time.Second))
			if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != "a1" {
				t.Errorf("Bearer after a sign-in = %v", err)
			}
		})
	}
}

// An endpoint that refuses, for a reason that ends no sign-in, is not asked for
// every call.
func TestFailedRenewalIsNotRepeatedForEveryCall(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) { refuse(w, 400, `{"error":"invalid_scope"}`) })
	a := signedIn(t, e, -time.Minute)
	var later time.Duration
	begun := a.m.now() // a clock that stands still, however long the calls take
	a.m.now = func() time.Time { return begun.Add(later) }
	for range 50 {
		if _, err := a.Bearer(t.Context()); !fault.Is(err, fault.Unreachable) {
			t.Fatalf("Bearer = %v", err)
		}
	}
	if n := e.requests.Load(); n != 1 {
		t.Errorf("%d refresh requests for 50 calls at once", n)
	}
	later = refusedPause + time.Second
	if _, err := a.Bearer(t.Context()); err == nil || e.requests.Load() != 2 {
		t.Errorf("after the pause: %v after %d requests", err, e.requests.Load())
	}
}

func jwt(claims string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256"}`)) + "." + enc([]byte(claims)) + "." + enc([]byte("sig"))
}

// Without expires_in the token's own claims count; a clock that is wrong by
// hours must not make every call a refresh.
func TestExpiryByClaimsWithAWrongClock(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"right": 0, "ahead": 3 * time.Hour, "far ahead": 1000 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, func(n int, w http.ResponseWriter) {
				now := time.Now().Unix()
				w.Header().Set("Content-Type", "application/json")
				_, _ = fmt.Fprintf(w, `{"access_token":%q,"refresh_token":"r","token_type":"Bearer"}`,
					jwt(fmt.Sprintf(`{"jti":"%d","iat":%d,"exp":%d}`, n, now, now+3600)))
			})
			a := signedIn(t, e, -time.Minute)
			a.m.now = func() time.Time { return time.Now().Add(ahead) }
			for range 10 {
				if _, err := a.Bearer(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if n := e.requests.Load(); n != 1 {
				t.Errorf("%d refreshes for 10 calls", n)
			}
		})
	}
}

// The monotonic clock stands still while a machine sleeps: times that are
// compared after a sleep must be of the wall clock.
func TestTimesAreOfTheWallClock(t *testing.T) {
	m := NewManager(Config{Paths: config.Paths{State: t.TempDir()}, Vault: vault.NewMemory()})
	if s := m.now().String(); strings.Contains(s, "m=") {
		t.Errorf("now is %s", s)
	}
}

// Nothing is sent to the token endpoint when its answer could not be kept: the
// rotated refresh token would be lost (a full disk under the keychain).
func TestNothingIsSpentThatCannotBeKept(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) { grant(w, "a1", "r1") })
	a := signedIn(t, e, -time.Minute)
	good := a.m.vault
	a.m.vault = readOnly{good}
	var later atomic.Int64
	a.m.now = func() time.Time { return time.Now().Round(0).Add(time.Duration(later.Load())) }
	if _, err := a.Bearer(t.Context()); !fault.Is(err, fault.NoKeychain) {
		t.Errorf("Bearer = %v", err)
	}
	if n := e.requests.Load(); n != 0 {
		t.Errorf("the refresh token was spent %d times", n)
	}
	a.m.vault = good // there is room again
	later.Store(int64(failedPause))
	if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != "a1" {
		t.Errorf("Bearer = %v", err)
	}
}

// A keychain that fails in the very moment between gets another chance.
func TestRotatedTokenIsWrittenAgain(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) { grant(w, "a1", "r1") })
	a := signedIn(t, e, -time.Minute)
	f := &flaky{Vault: a.m.vault, failAt: 2}
	a.m.vault = f
	if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != "a1" {
		t.Errorf("Bearer = %v", err)
	}
	if r, err := a.read(t.Context()); err != nil || r.Refresh.Reveal() != "r1" {
		t.Errorf("the rotated token is lost: %v", err)
	}
}

// flaky fails one write.
type flaky struct {
	Vault
	mu     sync.Mutex
	n      int
	failAt int
}

func (f *flaky) Set(ctx context.Context, name string, s secret.String) error {
	f.mu.Lock()
	f.n++
	fail := f.n == f.failAt
	f.mu.Unlock()
	if fail {
		return errors.New("keychain busy")
	}
	return f.Vault.Set(ctx, name, s)
}

// What has not been sent yet does not hold up the end of a process.
func TestCloseWaitsOnlyForWhatWasSent(t *testing.T) {
	t.Run("another process has the lock", func(t *testing.T) {
		e := newEndpoint(t, func(_ int, w http.ResponseWriter) { grant(w, "a1", "r1") })
		a := signedIn(t, e, -time.Minute)
		unlock, err := a.lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		closesSoon(t, a)
		if n := e.requests.Load(); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
	t.Run("the endpoint does not say hello", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and is silent in the TLS handshake
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		e := newEndpoint(t, nil)
		a := signedIn(t, e, -time.Minute)
		r, err := a.read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.TokenEndpoint = "https://" + l.Addr().String() + "/token"
		if err := a.write(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		closesSoon(t, a)
	})
}

func closesSoon(t *testing.T, a *Account) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := a.Bearer(ctx); err == nil {
		t.Error("Bearer gave a token")
	}
	// It would wait for as long as a lock, or a handshake, is waited for.
	begun := time.Now()
	a.m.Close(t.Context())
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("Close took %v", took)
	}
}

// Of several that want a person, those that waited for the first do not ask
// again when the person said no.
func TestRefusalCountsForThoseThatWaited(t *testing.T) {
	e := newEndpoint(t, nil)
	a := signedIn(t, e, -time.Minute)
	unlock, err := a.m.lockFile(t.Context(), a.key+".signin.lock")
	if err != nil {
		t.Fatal(err)
	}
	// A sign-in that finds the lock taken asks for the time twice: as it begins,
	// and when it begins to wait.
	var asked, later atomic.Int64
	a.m.now = func() time.Time {
		asked.Add(1)
		return time.Now().Round(0).Add(time.Duration(later.Load()))
	}
	opened := make(chan string, 10)
	ended := make(chan error, 3)
	for range 3 {
		go func() {
			ended <- a.SignIn(t.Context(), UI{Open: func(_ context.Context, url string) error {
				opened <- url
				return nil
			}})
		}()
	}
	eventually(t, "all three wait", func() bool { return asked.Load() == 2*3 })
	later.Store(int64(joinAfter + time.Second))
	unlock() // the first has ended, and nobody is signed in
	for range 3 {
		if err := <-ended; !fault.Is(err, fault.SignInRefused) {
			t.Errorf("SignIn = %v", err)
		}
	}
	if len(opened) != 0 {
		t.Errorf("the browser was opened %d times", len(opened))
	}
}

// An unnamed server has no name that a command could take.
func TestWordsForAnUnnamedServer(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) { grant(w, "a0", "r0") })
	named := signedIn(t, e, time.Hour)
	a := named.m.Account(config.Server{URL: named.server.URL}, "")
	r, err := named.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	err = a.Reject(t.Context(), Rejection{Token: secret.New("a0"), Status: 401})
	if next := fault.Public(err).Next; next == "" || strings.Contains(next, "drawbridge login") {
		t.Errorf("Next = %q", next)
	}
}

// A token is renewed ahead of its end, while the old one still works.
func TestTokenIsRenewedAheadOfItsEnd(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) { grant(w, "a1", "r1") })
	a := signedIn(t, e, 30*time.Second)                                                                // of an hour: the last minute
	if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != "a1" && got.Reveal() != "a0" { // whichever is there first
		t.Errorf("Bearer = %v", err)
	}
	a.m.flights.Wait()
	if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != "a1" || e.requests.Load() != 1 {
		t.Errorf("Bearer = %v, after %d renewals", err, e.requests.Load())
	}
	a = signedIn(t, e, 2*time.Minute)
	if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != "a0" {
		t.Errorf("Bearer well before the end = %v", err)
	}
}

// A renewal that is refused at once takes nothing away from a token that works.
func TestTokenThatStillWorksOutlivesARefusedRenewal(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) { refuse(w, 400, `{"error":"invalid_grant"}`) })
	a := signedIn(t, e, 30*time.Second)
	for range 3 {
		if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != "a0" {
			t.Errorf("Bearer = %v", err)
		}
	}
}

// A refused token that somebody has replaced meanwhile costs no renewal, and no
// sign-in where there is nothing to renew with.
func TestRefusedTokenOfYesterday(t *testing.T) {
	e := newEndpoint(t, nil)
	a := signedIn(t, e, time.Hour)
	r, err := a.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.Refresh = secret.String{}
	if err := a.write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := a.Reject(t.Context(), Rejection{Token: secret.New("older"), Status: 401}); err != nil {
		t.Errorf("Reject = %v", err)
	}
}

// The vault must work before a person is troubled.
func TestSignInNeedsTheVaultFirst(t *testing.T) {
	a := signedIn(t, newEndpoint(t, nil), time.Hour)
	a.m.vault = away{}
	err := a.SignIn(t.Context(), UI{Open: func(context.Context, string) error {
		t.Error("the browser was opened")
		return nil
	}})
	if !fault.Is(err, fault.NoKeychain) {
		t.Errorf("SignIn = %v", err)
	}
}

type away struct{ Vault }

func (away) Get(context.Context, string) (secret.String, error) {
	return secret.String{}, fault.New(fault.NoKeychain, "The keychain is not there.", "Start it.")
}
