package oauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/secret"
)

// proven checks a proof as a server would (RFC 9449 §4.3) with the key in it,
// and returns its claims.
func proven(t *testing.T, proof string) jwt.MapClaims {
	t.Helper()
	parsed, err := jwt.Parse(proof, func(tok *jwt.Token) (any, error) {
		if tok.Header["typ"] != "dpop+jwt" {
			t.Errorf("typ %v", tok.Header["typ"])
		}
		jwk, _ := tok.Header["jwk"].(map[string]any)
		if _, private := jwk["d"]; private {
			t.Error("the proof carries the private key")
		}
		coordinate := func(name string) []byte {
			text, _ := jwk[name].(string)
			raw, err := base64.RawURLEncoding.DecodeString(text)
			if err != nil || len(raw) != 32 {
				t.Fatalf("jwk %s: %q", name, text)
			}
			return raw
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, coordinate("x"), coordinate("y")))
	}, jwt.WithValidMethods([]string{"ES256"}))
	if err != nil {
		t.Fatalf("proof does not verify: %v", err)
	}
	return parsed.Claims.(jwt.MapClaims)
}

func newTestProver(t *testing.T) *Prover {
	t.Helper()
	p, err := NewProver()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProofIsBoundToMethodAddressAndToken(t *testing.T) {
	p := newTestProver(t)
	target, _ := url.Parse("HTTPS://MCP.example.com/a%2Fb/mcp?key=1#x")
	now := time.Unix(1_700_000_000, 0)
	first, err := p.Proof("POST", target, secret.New("the-token"), now)
	if err != nil {
		t.Fatal(err)
	}
	claims := proven(t, first)
	sum := sha256.Sum256([]byte("the-token"))
	for name, want := range map[string]any{
		"htm": "POST", "htu": "https://mcp.example.com/a%2Fb/mcp", "iat": float64(1_700_000_000),
		"ath": base64.RawURLEncoding.EncodeToString(sum[:]),
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	second, _ := p.Proof("POST", target, secret.New("the-token"), now)
	if proven(t, second)["jti"] == claims["jti"] {
		t.Error("two proofs have one jti")
	}
	if bare, _ := p.Proof("POST", target, secret.String{}, now); proven(t, bare)["ath"] != nil {
		t.Error("ath without a token")
	}
}

func TestProverSurvivesTheVault(t *testing.T) {
	p := newTestProver(t)
	sealed, err := p.Seal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenProver(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if again.Thumbprint() != p.Thumbprint() {
		t.Error("another key came back")
	}
	for _, bad := range []string{"", "AAAA", "no base64!"} {
		if _, err := OpenProver(secret.New(bad)); err == nil {
			t.Errorf("%q was taken for a key", bad)
		}
	}
}

// The example of RFC 9449 §6.1, whose thumbprint is known.
func TestThumbprint(t *testing.T) {
	x, _ := base64.RawURLEncoding.DecodeString("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs")
	y, _ := base64.RawURLEncoding.DecodeString("9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA")
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProver(&ecdsa.PrivateKey{PublicKey: *pub})
	if err != nil {
		t.Fatal(err)
	}
	if want := "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"; p.Thumbprint() != want {
		t.Errorf("thumbprint %s, want %s", p.Thumbprint(), want)
	}
}

// A token endpoint that wants a nonce gets the same request again with it, once
// (RFC 9449 §8); the next request has it from the start.
func TestTokenEndpointNonce(t *testing.T) {
	s := newSite(t)
	s.on("POST /token", func(w http.ResponseWriter, r *http.Request) {
		claims := proven(t, r.Header.Get("DPoP"))
		if claims["htm"] != "POST" || claims["htu"] != s.URL+"/token" {
			t.Errorf("proof for %v %v", claims["htm"], claims["htu"])
		}
		w.Header().Set("Content-Type", "application/json")
		if claims["nonce"] != "n-1" {
			w.Header().Set("DPoP-Nonce", "n-1")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"use_dpop_nonce"}`))
			return
		}
		_, _ = w.Write([]byte(`{"access_token":"bound","token_type":"DPoP","expires_in":60}`))
	})
	p := newTestProver(t)
	c := NewClient(Config{Server: s.URL})
	for i, want := range []int{2, 3} {
		tokens, err := c.Refresh(context.Background(), RefreshRequest{
			TokenEndpoint: s.URL + "/token", Client: ClientCredentials{ClientID: "me"}, RefreshToken: secret.New("r"), DPoP: p,
		})
		if err != nil || tokens.Type != "DPoP" {
			t.Fatalf("refresh %d: %q, %v", i, tokens.Type, err)
		}
		if n := len(s.requests()); n != want {
			t.Errorf("after refresh %d: %d requests, want %d", i, n, want)
		}
	}
}

// Two requests are under way with the old nonce when the server changes it: both
// are to be sent again, although the first answer has brought the new one.
func TestNonceThatChangesUnderManyRequests(t *testing.T) {
	p := newTestProver(t)
	target := &url.URL{Scheme: "https", Host: "s.example", Path: "/mcp"}
	wants := http.Header{"Dpop-Nonce": {"new"}, "Www-Authenticate": {`DPoP error="use_dpop_nonce"`}}
	for i := range 2 {
		if !p.Note(target, http.StatusUnauthorized, wants, "") {
			t.Errorf("request %d is not sent again", i+1)
		}
	}
	proof, err := p.Proof(http.MethodPost, target, secret.New("token"), time.Now())
	if err != nil || proven(t, proof)["nonce"] != "new" {
		t.Errorf("the next proof has not the new nonce: %v", err)
	}
}

// A server that wants another nonce each time does not make us ask for ever.
func TestTokenEndpointThatIsNeverContent(t *testing.T) {
	s := newSite(t)
	n := 0
	s.on("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		n++
		w.Header().Set("DPoP-Nonce", "n-"+string(rune('a'+n)))
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "use_dpop_nonce"})
	})
	_, err := NewClient(Config{Server: s.URL}).ClientCredentials(context.Background(), GrantRequest{
		TokenEndpoint: s.URL + "/token", Client: ClientCredentials{ClientID: "me"}, DPoP: newTestProver(t),
	})
	if err == nil || len(s.requests()) != 2 {
		t.Errorf("%d requests, %v", len(s.requests()), err)
	}
}

// A token that is not bound is used as a bearer token (RFC 9449 §5); one that is
// bound to a key that we did not offer is of no use.
func TestTokenTypes(t *testing.T) {
	s := newSite(t)
	kind := "Bearer"
	s.on("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"access_token": "x", "token_type": kind})
	})
	ask := func(p *Prover) (Tokens, error) {
		return NewClient(Config{Server: s.URL}).ClientCredentials(context.Background(), GrantRequest{TokenEndpoint: s.URL + "/token", DPoP: p})
	}
	if tokens, err := ask(newTestProver(t)); err != nil || tokens.Type != "Bearer" {
		t.Errorf("bearer although we can prove: %q, %v", tokens.Type, err)
	}
	kind = "DPoP"
	if _, err := ask(nil); err == nil {
		t.Error("a bound token was taken without a key")
	}
}
