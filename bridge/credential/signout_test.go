package credential_test

import (
	"errors"
	"net/http"
	"testing"

	"drawbridge/bridge/credential"
)

// A server that cannot revoke access tokens has ended the sign-in all the same
// when it has revoked the refresh token; nothing else that it refuses is well.
func TestWhatOfARevocationMayBeRefused(t *testing.T) {
	for _, tc := range []struct {
		name            string
		refresh, access string // the error that the server answers with; "" revokes
		well            bool
	}{
		{"all is revoked", "", "", true},
		{"access tokens cannot be", "", "unsupported_token_type", true},
		{"no token can be", "unsupported_token_type", "unsupported_token_type", false},
		{"another error", "", "invalid_client", false},
		{"the refresh token stays", "invalid_client", "", false},
	} {
		s := newScript(t)
		s.on(atIssuer, sends(http.StatusOK, s.metadata(object{"revocation_endpoint": s.base + "/revoke"})))
		s.on(atRevoke, func(w http.ResponseWriter, r *http.Request) {
			code := tc.refresh
			if r.FormValue("token_type_hint") == "access_token" {
				code = tc.access
			}
			if code == "" {
				w.WriteHeader(http.StatusOK)
				return
			}
			sends(http.StatusBadRequest, object{"error": code})(w, r)
		})
		a, p := s.account(nil), &passer{t: t}
		if err := p.signIn(a); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		err := a.SignOut(t.Context())
		if tc.well && err != nil || !tc.well && !errors.Is(err, credential.ErrNotRevoked) {
			t.Errorf("%s: SignOut = %v", tc.name, err)
		}
	}
}
