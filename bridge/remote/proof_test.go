package remote

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"drawbridge/bridge/secret"
)

// bound is a Bearer whose tokens may be bound; its proof says what it is for.
type bound struct {
	on    bool
	nonce string
}

func (b *bound) Bearer(context.Context) (secret.String, error) { return secret.New("tok"), nil }
func (b *bound) Bound() bool                                   { return b.on }

func (b *bound) Proof(method string, target *url.URL, token secret.String) (string, error) {
	return fmt.Sprintf("%s %s %s %s", method, target.Path, token.Reveal(), b.nonce), nil
}

func (b *bound) Answered(_ *url.URL, status int, header http.Header) bool {
	if nonce := header.Get("DPoP-Nonce"); nonce != "" && nonce != b.nonce {
		b.nonce = nonce
		return status == http.StatusUnauthorized
	}
	return false
}

// A request with a bound token carries a proof for its method and its address,
// after a redirect for the new one, and with the nonce that the server wanted.
func TestProofs(t *testing.T) {
	var got []string
	var bodies []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got = append(got, r.Header.Get("Authorization")+" | "+r.Header.Get("DPoP"))
		bodies = append(bodies, string(raw))
		switch {
		case r.URL.Path == "/mcp":
			http.Redirect(w, r, "/moved", http.StatusTemporaryRedirect)
		case len(got) == 2:
			w.Header().Set("DPoP-Nonce", "n1")
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"jsonrpc":"2.0","id":1,"result":{}}`))
		}
	}))
	defer s.Close()
	conn := NewConn(Config{URL: s.URL + "/mcp", Bearer: &bound{on: true}})
	if err := conn.Post(context.Background(), []byte(`{"id":1}`), func([]byte) bool { return true }); err != nil {
		t.Fatal(err)
	}
	want := []string{"DPoP tok | POST /mcp tok", "DPoP tok | POST /moved tok", "DPoP tok | POST /moved tok n1"}
	for i := range want {
		if i >= len(got) || got[i] != want[i] || bodies[i] != `{"id":1}` {
			t.Fatalf("requests %q with %q, want %q", got, bodies, want)
		}
	}
}

// Without bound tokens nothing is added, and nothing allocated.
func TestNoProofs(t *testing.T) {
	req := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/mcp", nil)
	req.Header.Set("Authorization", "Bearer tok")
	resp := &http.Response{}
	transport := &proofs{prover: &bound{}, next: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r != req || r.Header["Dpop"] != nil {
			t.Error("the request was changed")
		}
		return resp, nil
	})}
	if n := testing.AllocsPerRun(100, func() { _, _ = transport.RoundTrip(req) }); n != 0 {
		t.Errorf("%v allocations for a bearer token", n)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
