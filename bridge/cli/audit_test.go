package cli_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// What becomes of a sign-in is in the record of who did what, in the order in
// which it happened and without a secret.
func TestTheRecordHasWhatBecameOfASignIn(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	w.put("/token", func(rw http.ResponseWriter, r *http.Request) {
		w.sends(200, object{
			"access_token": w.secret("access"), "refresh_token": w.secret("refresh"), "token_type": "Bearer", "expires_in": 1,
		})(rw, r)
	})
	u.must("add", "notes", w.URL+"/mcp")
	u.person = func(address string) { _, _ = browse(address) }
	u.must("login", "notes@work", "--no-browser")
	time.Sleep(1100 * time.Millisecond)
	u.must("token", "notes@work") // it had a second only: it is renewed
	u.must("logout", "notes@work")
	var events []string
	for line := range strings.Lines(u.must("audit", "export", "--csv").stdout) {
		f := strings.Split(line, ",")
		events = append(events, f[1]+" "+f[7]+"@"+f[8])
	}
	if got := strings.Join(events, ", "); !strings.HasPrefix(got, "event server@account, signed_in notes@work, refreshed notes@work, ") || !strings.HasSuffix(got, ", revoked notes@work") {
		t.Errorf("the record has: %s", got)
	}
	if tail := u.must("audit", "tail", "-n", "1").stdout; !strings.Contains(tail, "revoked") || !strings.Contains(tail, "notes@work") {
		t.Errorf("tail: %s", tail)
	}
	u.must("audit", "verify")
	if leaked := w.leaks(u.must("audit", "export").stdout); len(leaked) > 0 {
		t.Errorf("the record has secrets: %v", leaked)
	}
}
