package credential

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/vault"
)

// BenchmarkBearer is what each call pays for a token that is still good.
func BenchmarkBearer(b *testing.B) {
	m := NewManager(Config{Paths: config.Paths{State: b.TempDir()}, Vault: vault.NewMemory()})
	a := m.Account(config.Server{Name: "s", URL: "http://127.0.0.1:1/mcp"}, "")
	now := time.Now()
	r := &record{URL: a.server.URL, Access: secret.New("a0"), Refresh: secret.New("r0"), IssuedAt: now, ExpiresAt: now.Add(time.Hour)}
	if err := a.write(b.Context(), r); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := a.Bearer(b.Context()); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkRefresh is the whole transaction against a loopback token endpoint
// and a vault in memory: lock, read, write, ask, write, facts.
func BenchmarkRefresh(b *testing.B) {
	e := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { grant(w, "a1", "r1") }))
	defer e.Close()
	m := NewManager(Config{Paths: config.Paths{State: b.TempDir()}, Vault: vault.NewMemory()})
	a := m.Account(config.Server{Name: "s", URL: "http://127.0.0.1:1/mcp"}, "")
	now := time.Now()
	r := &record{
		URL: a.server.URL, Access: secret.New("a0"), Refresh: secret.New("r0"), TokenEndpoint: e.URL,
		Client: oauth.ClientCredentials{ClientID: "c1", AuthMethod: oauth.AuthNone}, IssuedAt: now, ExpiresAt: now,
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := a.write(b.Context(), r); err != nil {
			b.Fatal(err)
		}
		f := a.renew(secret.New("a0"))
		if <-f.done; f.err != nil {
			b.Fatal(f.err)
		}
	}
}
