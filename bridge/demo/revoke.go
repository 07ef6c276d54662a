package demo

import "net/http"

// revoke is the revocation endpoint (RFC 7009). Revoking a refresh token ends
// its whole family, access tokens included; revoking an access token ends that
// one alone. A token that is not known gets the same answer (§2.2).
func (d *Demo) revoke(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		writeError(w, err)
		return
	}
	cl, err := d.authenticate(r, form)
	if err != nil {
		writeError(w, err)
		return
	}
	token := form.Get("token")
	if token == "" {
		writeError(w, refuse("invalid_request", "token is missing"))
		return
	}
	// token_type_hint is a hint: both kinds are looked up, and no value is both.
	done := d.grants.revokeRefresh(cl, token)
	if !done {
		if claims, err := d.keys.verifyAccess(token, d.Issuer(), d.URL(), d.cfg.Now); err == nil {
			done = d.grants.revokeAccess(cl, claims.ID)
		}
	}
	if done {
		d.counts.revocations.Add(1)
		d.cfg.Log.Info("a token was revoked", "client", cl.id)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}
