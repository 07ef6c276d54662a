package guard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/guard"
)

// jwks publishes keys.
type jwks struct {
	mu      sync.Mutex
	keys    map[string]any
	fetched int
	down    bool
}

func (j *jwks) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fetched++
	if j.down {
		w.WriteHeader(503)
		return
	}
	set := struct {
		Keys []jwkset.JWKMarshal `json:"keys"`
	}{}
	for kid, key := range j.keys {
		k, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}})
		if err == nil {
			set.Keys = append(set.Keys, k.Marshal())
		}
	}
	_ = json.NewEncoder(w).Encode(set)
}

func TestKeysAreReplaced(t *testing.T) {
	published := &jwks{keys: map[string]any{"one": &rsaKey.PublicKey}}
	server := httptest.NewServer(published)
	defer server.Close()
	at := now
	cache := guard.NewCache(0, 0)
	keys := guard.NewRemoteKeys(func(context.Context) (string, error) { return server.URL, nil }, server.Client(), func() time.Time { return at }, cache.Empty)
	mode, err := guard.NewJWT(claims(), nil, keys)
	if err != nil {
		t.Fatal(err)
	}
	g := guard.New(guard.Config{Modes: []guard.Mode{mode}, Now: clock, Cache: cache})
	old := sign(t, jwt.SigningMethodRS256, rsaKey, "one", with(nil))
	fresh := sign(t, jwt.SigningMethodRS256, otherKey, "two", with(nil))
	forged := func(i int) string {
		return sign(t, jwt.SigningMethodRS256, otherKey, fmt.Sprint("made-up-", i), with(nil))
	}
	if code, _ := admit(t, g, old); code != "" {
		t.Fatal(code)
	}
	for i := range 100 { // anybody can make up key ids
		if code, _ := admit(t, g, forged(i)); code != guard.WrongSignature {
			t.Fatal(code)
		}
	}
	if published.fetched > 2 {
		t.Errorf("the issuer was asked %d times for 100 made-up key ids", published.fetched)
	}
	published.mu.Lock()
	published.keys = map[string]any{"two": &otherKey.PublicKey}
	published.mu.Unlock()
	if code, _ := admit(t, g, fresh); code != guard.WrongSignature {
		t.Errorf("within the pause after made-up key ids: %q", code)
	}
	at = at.Add(time.Minute)
	cache.Empty()
	if code, _ := admit(t, g, fresh); code != "" {
		t.Errorf("token of the new key: %s", code)
	}
	if code, _ := admit(t, g, old); code != guard.WrongSignature {
		t.Errorf("token of the key that has gone: %q; the cache was not emptied", code)
	}
	published.mu.Lock()
	published.down = true
	published.mu.Unlock()
	at = at.Add(time.Hour)
	cache.Empty()
	if code, _ := admit(t, g, fresh); code != "" {
		t.Errorf("while the issuer is away: %s", code)
	}
}
