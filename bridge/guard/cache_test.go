package guard_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/guard"
)

func TestEqualTokensAreVerifiedOnce(t *testing.T) {
	asks := &issuerSays{answers: map[string]map[string]any{"right": with(nil)}}
	mode, err := guard.NewIntrospection(claims(), asks)
	if err != nil {
		t.Fatal(err)
	}
	g := guard.New(guard.Config{Modes: []guard.Mode{mode}, Now: clock})
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if code, _ := admit(t, g, "right"); code != "" {
				t.Errorf("refused: %s", code)
			}
		})
	}
	wg.Wait()
	if n := asks.asked.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times, want once", n)
	}
}

func TestIssuerAwayIsNotTheCallersFault(t *testing.T) {
	asks := &issuerSays{err: errors.New("away")}
	mode, err := guard.NewIntrospection(claims(), asks)
	if err != nil {
		t.Fatal(err)
	}
	g := guard.New(guard.Config{Modes: []guard.Mode{mode}, Now: clock})
	if _, no := admit(t, g, "right"); no == nil || no.Status != 503 {
		t.Fatalf("got %v, want 503", no)
	}
	asks.err, asks.answers = nil, map[string]map[string]any{"right": with(nil)}
	if code, _ := admit(t, g, "right"); code != "" {
		t.Errorf("afterwards: %s; the failure was remembered", code)
	}
}

func TestCacheEndsWithTheToken(t *testing.T) {
	at := now
	c := claims()
	c.Now = func() time.Time { return at }
	keys, _ := guard.PEMKey(pemOf(t, &rsaKey.PublicKey))
	mode, err := guard.NewJWT(c, nil, keys)
	if err != nil {
		t.Fatal(err)
	}
	g := guard.New(guard.Config{Modes: []guard.Mode{mode}, Now: c.Now})
	token := sign(t, jwt.SigningMethodRS256, rsaKey, "", with(map[string]any{"exp": now.Add(time.Minute).Unix()}))
	if code, _ := admit(t, g, token); code != "" {
		t.Fatal(code)
	}
	at = now.Add(time.Minute)
	if code, _ := admit(t, g, token); code != guard.Expired {
		t.Errorf("after its end: %q", code)
	}
}

func TestRandomTokensDoNotFillTheMemory(t *testing.T) {
	cache := guard.NewCache(0, 0)
	g := guard.New(guard.Config{Modes: []guard.Mode{jwtMode(t)}, Now: clock, Cache: cache})
	right := sign(t, jwt.SigningMethodRS256, rsaKey, "", with(nil))
	if code, _ := admit(t, g, right); code != "" {
		t.Fatal(code)
	}
	for i := range 100000 {
		if code, _ := admit(t, g, fmt.Sprint("token-", i)); code != guard.WrongKind {
			t.Fatal(code)
		}
	}
	if n := cache.Len(); n > 1001 {
		t.Errorf("%d verdicts are kept after 100,000 random tokens", n)
	}
	if code, _ := admit(t, g, right); code != "" {
		t.Errorf("the right token: %s", code)
	}
}

func BenchmarkAdmit(b *testing.B) {
	rs := sign(b, jwt.SigningMethodRS256, rsaKey, "", with(nil))
	hs := sign(b, jwt.SigningMethodHS256, []byte(shared), "now", with(nil))
	for _, bb := range []struct {
		name, token string
		mode        guard.Mode
		cache       *guard.Cache
	}{
		{"cached", rs, jwtMode(b), guard.NewCache(0, 0)}, {"HS256", hs, hmacMode(b), guard.NewCache(-1, 0)}, {"RS256", rs, jwtMode(b), guard.NewCache(-1, 0)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			g := guard.New(guard.Config{Modes: []guard.Mode{bb.mode}, Now: clock, Cache: bb.cache})
			r := request("Authorization", "Bearer "+bb.token)
			b.ReportAllocs()
			for b.Loop() {
				if _, no := g.Admit(r, "notes"); no != nil {
					b.Fatal(no)
				}
			}
		})
	}
}
