package credential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// farProvider is a token endpoint without a network, so that its clock may be
// the test's: it rotates, and ends everything when a refresh token comes twice.
type farProvider struct {
	mu      sync.Mutex
	away    func() (*http.Response, error) // what it does instead, or nil
	life    time.Duration
	n       int // refreshes
	asked   int
	revoked bool
}

func (p *farProvider) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.away != nil {
		return p.away()
	}
	if !strings.Contains(string(raw), fmt.Sprintf("refresh_token=r%d", p.n)) || p.revoked {
		p.revoked = true
		return answered(400, `{"error":"invalid_grant"}`), nil
	}
	p.n++
	return answered(200, fmt.Sprintf(`{"access_token":"a%d","refresh_token":"r%d","token_type":"Bearer","expires_in":%d}`,
		p.n, p.n, int(p.life.Seconds()))), nil
}

// counts is how often it was asked and how often it renewed.
func (p *farProvider) counts() (asked, renewed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked, p.n
}

func answered(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// far is an account at p, signed in at this moment, in processes that share a
// vault and folders.
func far(t *testing.T, p *farProvider, now func() time.Time, processes int) []*Account {
	t.Helper()
	dir := t.TempDir()
	store := vault.NewMemory()
	accounts := make([]*Account, processes)
	for i := range accounts {
		m := NewManager(Config{Paths: config.Paths{Config: dir, State: dir}, Vault: store, HTTP: &http.Client{Transport: p}, Now: now})
		t.Cleanup(func() { m.Close(context.Background()) })
		accounts[i] = m.Account(config.Server{Name: "s", URL: "https://s.example/mcp"}, "")
	}
	a, at := accounts[0], accounts[0].m.now()
	r := &record{
		URL: "https://s.example/mcp", Access: secret.New("a0"), Refresh: secret.New("r0"),
		Client: oauth.ClientCredentials{ClientID: "c1", AuthMethod: oauth.AuthNone}, Issuer: "https://as.example",
		TokenEndpoint: "https://as.example/token", Resource: "https://s.example/mcp", IssuedAt: at, ExpiresAt: at.Add(p.life),
	}
	if err := errors.Join(a.write(t.Context(), r), a.note(func(f *Facts) { f.noteRecord(r) })); err != nil {
		t.Fatal(err)
	}
	return accounts
}

// stillSignedIn fails the test unless the account works, without a person.
func stillSignedIn(t *testing.T, p *farProvider, a *Account, token string) {
	t.Helper()
	if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != token {
		t.Errorf("Bearer = %q, %v; want %s", got.Reveal(), err, token)
	}
	if f, err := a.Facts(); err != nil || f.State != SignedIn || f.Problem != nil || !f.Renewable {
		t.Errorf("Facts = %+v, %v", f, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.revoked {
		t.Error("a refresh token came twice")
	}
}

// TestProviderAwayForTenMinutes: the authorization server cannot be reached, or
// is broken, for far longer than a token lives, while four processes call every
// five seconds. Nobody is signed out, it is not flooded, and all work afterwards.
func TestProviderAwayForTenMinutes(t *testing.T) {
	for name, test := range map[string]struct {
		away func() (*http.Response, error)
		most int // requests a minute that it has to bear
	}{
		"no network":   {func() (*http.Response, error) { return nil, errors.New("no route to host") }, 40},
		"503":          {func() (*http.Response, error) { return answered(503, "busy"), nil }, 40},
		"an HTML page": {func() (*http.Response, error) { return answered(502, "<html>gateway</html>"), nil }, 40},
		"slow down": {func() (*http.Response, error) {
			r := answered(429, `{"error":"slow_down"}`)
			r.Header.Set("Retry-After", "30")
			return r, nil
		}, 8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &farProvider{life: time.Minute, away: test.away}
				accounts := far(t, p, nil, 4)
				end := time.Now().Add(10 * time.Minute)
				var calls sync.WaitGroup
				var failed atomic.Int32
				for _, a := range accounts {
					calls.Go(func() {
						for ; time.Now().Before(end); time.Sleep(5 * time.Second) {
							ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
							if _, err := a.Bearer(ctx); err != nil {
								failed.Add(1)
							}
							cancel()
						}
					})
				}
				calls.Wait()
				if failed.Load() == 0 {
					t.Error("every call got a token from a provider that was away")
				}
				for _, a := range accounts {
					if f, err := a.Facts(); err != nil || f.State != SignedIn || !f.Renewable {
						t.Errorf("Facts while it is away = %+v, %v", f, err)
					}
				}
				asked, _ := p.counts()
				if per := asked / 10; per > test.most {
					t.Errorf("the provider was asked %d times a minute while it was away; want %d at most", per, test.most)
				}
				t.Logf("asked %d times in 10 minutes, %d calls failed", asked, failed.Load())
				p.mu.Lock()
				p.away = nil
				p.mu.Unlock()
				time.Sleep(30 * time.Second) // what it asked for
				for _, a := range accounts {
					stillSignedIn(t, p, a, "a1")
				}
				if _, renewed := p.counts(); renewed != 1 {
					t.Errorf("%d refreshes; want 1", renewed)
				}
			})
		})
	}
}

// TestAsleepForEightHours: the wall clock jumps, the monotonic one does not; all
// processes wake at once and want a token at once.
func TestAsleepForEightHours(t *testing.T) {
	var slept atomic.Int64
	now := func() time.Time { return time.Now().Round(0).Add(time.Duration(slept.Load())) }
	p := &farProvider{life: time.Hour}
	accounts := far(t, p, now, 4)
	for _, a := range accounts {
		stillSignedIn(t, p, a, "a0")
	}
	slept.Store(int64(8 * time.Hour))
	var calls sync.WaitGroup
	for _, a := range accounts {
		for range 8 {
			calls.Go(func() {
				if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != "a1" {
					t.Errorf("Bearer after waking = %q, %v", got.Reveal(), err)
				}
			})
		}
	}
	calls.Wait()
	if asked, renewed := p.counts(); renewed != 1 || asked != 1 {
		t.Errorf("%d refreshes, asked %d times; want 1", renewed, asked)
	}
	for _, a := range accounts {
		stillSignedIn(t, p, a, "a1")
	}
}

// TestAsleepInTheMiddleOfARefresh: the machine falls asleep while the answer is
// on its way, and the connection is gone when it wakes. The provider had not
// acted; the call is answered all the same.
func TestAsleepInTheMiddleOfARefresh(t *testing.T) {
	var slept atomic.Int64
	now := func() time.Time { return time.Now().Round(0).Add(time.Duration(slept.Load())) }
	p := &farProvider{life: time.Hour}
	p.away = func() (*http.Response, error) {
		slept.Add(int64(8 * time.Hour))
		p.away = nil // p.mu is held
		return nil, errors.New("connection reset by peer")
	}
	accounts := far(t, p, now, 2)
	slept.Store(int64(59*time.Minute + 30*time.Second))
	if _, err := accounts[0].Bearer(t.Context()); err != nil {
		t.Errorf("Bearer = %v", err)
	}
	slept.Add(int64(failedPause)) // a renewal that went wrong is not repeated for every call
	for _, a := range accounts {
		stillSignedIn(t, p, a, "a1")
	}
}
