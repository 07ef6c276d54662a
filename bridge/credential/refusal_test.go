package credential

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// page answers as a network's sign-in page or a firewall does.
func page(status int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<!DOCTYPE html><html><title>Welcome to the hotel</title></html>"))
	}
}

// A hotel's network answers every request with its page, and lets the person
// through later. Nobody is signed out, no secret goes to the page twice in one
// pause, and what is said names the page.
func TestHotelNetworkSignsNobodyOut(t *testing.T) {
	var through atomic.Bool
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) {
		if through.Load() {
			grant(w, "a1", "r1")
			return
		}
		page(http.StatusUnauthorized)(w)
	})
	a := signedIn(t, e, -time.Minute)
	var later atomic.Int64
	a.m.now = func() time.Time { return time.Now().Round(0).Add(time.Duration(later.Load())) }
	other := otherProcess(t, a)
	for range 5 {
		for _, process := range []*Account{a, other} {
			_, err := process.Bearer(t.Context())
			p := fault.Public(err)
			if !fault.Is(err, fault.Unreachable) || !strings.Contains(p.What, "answered with a web page (HTTP 401)") ||
				!strings.Contains(p.Next, "You are still signed in") || !strings.Contains(p.Next, "sign in again") {
				t.Fatalf("Bearer = %+v", p)
			}
		}
	}
	if n := e.requests.Load(); n != 1 {
		t.Errorf("the page was asked %d times by two processes within one pause", n)
	}
	if f, _ := a.Facts(); f.State != SignedIn || !f.Renewable || f.Problem == nil || f.Refusals != 1 || !f.TryAgainAt.After(a.m.now()) {
		t.Errorf("Facts = %+v", f)
	}
	through.Store(true)
	later.Store(int64(refusedPause + time.Second))
	for _, process := range []*Account{other, a} {
		if got, err := process.Bearer(t.Context()); err != nil || got.Reveal() != "a1" {
			t.Errorf("Bearer after the page = %q, %v", got.Reveal(), err)
		}
	}
	if f, _ := a.Facts(); f.State != SignedIn || f.Problem != nil || f.Refusals != 0 || !f.TryAgainAt.IsZero() {
		t.Errorf("Facts after the page = %+v", f)
	}
}

// otherProcess shares the vault and the folders with a, and nothing in memory.
func otherProcess(t *testing.T, a *Account) *Account {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	m := NewManager(Config{Paths: a.m.paths, Vault: a.m.vault, HTTP: client, Now: func() time.Time { return a.m.now() }})
	t.Cleanup(func() {
		m.Close(context.Background())
		client.CloseIdleConnections()
	})
	return m.Account(config.Server{Name: "s", URL: "http://127.0.0.1:1/mcp"}, "")
}

// A refusal that never ends and does not end the sign-in either: four processes
// call every second for an hour of fake time. It is asked a few times, ever more
// rarely, and the person is told all the while.
func TestRefusalWithoutEndDoesNotLoop(t *testing.T) {
	for name, c := range map[string]struct {
		body        string
		least, most int
	}{
		// 30 s, and then every minute: the person may just have passed a network's page.
		"no code": {`{}`, 52, 60},
		// 30 s, 1, 2, 4, and then every 5 minutes.
		"a code that ends nothing": {`{"error":"invalid_scope"}`, 12, 16},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &farProvider{life: time.Minute, away: func() (*http.Response, error) { return answered(400, c.body), nil }}
				accounts := far(t, p, nil, 4)
				end := time.Now().Add(time.Hour)
				var calls sync.WaitGroup
				for _, a := range accounts {
					calls.Go(func() {
						for time.Sleep(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
							if _, err := a.Bearer(t.Context()); !fault.Is(err, fault.Unreachable) {
								t.Errorf("Bearer = %v", err)
								return
							}
						}
					})
				}
				calls.Wait()
				if asked, _ := p.counts(); asked < c.least || asked > c.most {
					t.Errorf("asked %d times in an hour", asked)
				}
				f, err := accounts[0].Facts()
				if err != nil || f.State != SignedIn || !f.Renewable || f.Problem == nil || !strings.Contains(f.Problem.Next, "sign in again") {
					t.Errorf("Facts = %+v, %v", f, err)
				}
			})
		})
	}
}

// A status of trouble keeps the sign-in, whatever the body says.
func TestTroubleWithACodeKeepsTheSignIn(t *testing.T) {
	for _, status := range []int{500, 503, 429} {
		synctest.Test(t, func(t *testing.T) {
			p := &farProvider{life: time.Minute, away: func() (*http.Response, error) { return answered(status, `{"error":"invalid_grant"}`), nil }}
			a := far(t, p, nil, 1)[0]
			time.Sleep(2 * time.Minute)
			if _, err := a.Bearer(t.Context()); !fault.Is(err, fault.Unreachable) {
				t.Errorf("HTTP %d: Bearer = %v", status, err)
			}
			if r, err := a.read(t.Context()); err != nil || r.Refresh.Reveal() != "r0" {
				t.Errorf("HTTP %d: the refresh token is gone: %v", status, err)
			}
		})
	}
}

// A person who does not wait for the next try signs in, and the pause is over.
func TestSignInEndsThePause(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) { page(http.StatusBadRequest)(w) })
	a := signedIn(t, e, -time.Minute)
	if _, err := a.Bearer(t.Context()); !fault.Is(err, fault.Unreachable) {
		t.Fatalf("Bearer = %v", err)
	}
	now := a.m.now()
	next := &record{
		URL: a.server.URL, Access: secret.New("a9"), Refresh: secret.New("r9"), Issuer: e.URL, TokenEndpoint: e.URL + "/token",
		IssuedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	if err := a.write(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if err := a.note(func(f *Facts) { f.noteRecord(next) }); err != nil {
		t.Fatal(err)
	}
	if got, err := otherProcess(t, a).Bearer(t.Context()); err != nil || got.Reveal() != "a9" {
		t.Errorf("Bearer = %q, %v", got.Reveal(), err)
	}
	if f, _ := a.Facts(); f.Problem != nil || !f.TryAgainAt.IsZero() {
		t.Errorf("Facts = %+v", f)
	}
}
