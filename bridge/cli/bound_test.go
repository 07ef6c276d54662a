package cli_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestBoundTokenIsNotHandedOut: a token that is good with a key alone is no use
// to another program, and said to be; one that is not bound is handed out.
func TestBoundTokenIsNotHandedOut(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	w.put("/.well-known/oauth-protected-resource/mcp", w.sends(200, object{
		"resource": "$SELF/mcp", "authorization_servers": []string{"$SELF"}, "dpop_signing_alg_values_supported": []string{"ES256"},
	}))
	w.put("/.well-known/oauth-authorization-server", w.sends(200, w.metadata(object{"dpop_signing_alg_values_supported": []string{"ES256"}})))
	w.put("/token", func(rw http.ResponseWriter, r *http.Request) {
		kind := "Bearer"
		if r.Header.Get("DPoP") != "" {
			kind = "DPoP"
		}
		w.sends(200, object{"access_token": w.secret("access"), "token_type": kind, "expires_in": 3600})(rw, r)
	})
	u.person = func(address string) {
		if _, err := browse(address); err != nil {
			t.Error(err)
		}
	}
	u.must("add", "notes", w.URL+"/mcp")
	u.must("login", "notes", "--no-browser")
	for _, command := range []string{"headers", "token"} {
		got := u.run(command, "notes")
		if got.status != 1 || got.stdout != "" || !strings.Contains(got.stderr, "bound to a key") || !strings.Contains(got.stderr, "--dpop never") || len(w.leaks(got.stderr)) > 0 {
			t.Errorf("%s: %v", command, got)
		}
	}
	u.must("login", "notes", "--no-browser", "--dpop", "never")
	for _, command := range []string{"headers", "token"} {
		if got := u.must(command, "notes"); len(w.leaks(got.stdout)) != 1 {
			t.Errorf("%s: %v", command, got)
		}
	}
}
