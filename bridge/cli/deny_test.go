package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDenyAndTakeBack(t *testing.T) {
	u := newUser(t)
	u.must("hmac", "generate")
	token, refresh, _ := strings.Cut(strings.TrimSpace(u.must("mint", "--subject", "ci", "--audience", "bridge").stdout), "\n")
	if r := u.runWith(token+"\n", "deny", "--token"); r.status != 0 {
		t.Fatal(r)
	}
	if got := admitted(t, u, token); got[0] {
		t.Error("a token that was denied is let in")
	}
	list, err := os.ReadFile(filepath.Join(u.dir, "state", "bridge", "denied.jsonl"))
	if err != nil || strings.Contains(string(list), token) || !strings.Contains(string(list), `"until":`) {
		t.Errorf("the denylist holds a token, or for ever: %s %v", list, err)
	}
	if r := u.runWith(token, "deny", "--token", "--undo"); r.status != 0 {
		t.Fatal(r)
	}
	if got := admitted(t, u, token); !got[0] {
		t.Error("a token is refused after the refusal was taken back")
	}
	// The secret may change between; a refresh token is good once.
	u.must("hmac", "rotate")
	if r := u.runWith(refresh, "mint", "--renew", "--audience", "bridge"); r.status != 0 || !admitted(t, u, strings.Split(r.stdout, "\n")[0])[0] {
		t.Errorf("renewed: %v", r)
	}
	if r := u.runWith(refresh, "mint", "--renew", "--audience", "bridge"); r.status == 0 || !strings.Contains(r.stderr, "used or revoked") {
		t.Errorf("renewed again: %v", r)
	}
	for _, tt := range []struct {
		says string
		args []string
	}{
		{"Nothing of the kind was refused.", []string{"deny", "--subject", "ada", "--undo"}},
		{"cannot be negative", []string{"deny", "--subject", "ada", "--for", "-1h"}},
		{"cannot be negative", []string{"key", "create", "ci", "--expires", "-1h"}},
		{"cannot be negative", []string{"key", "rotate", "ci", "--grace", "-1h"}},
		{"There is no good key", []string{"key", "rotate", "ci"}},
		{"wants a subject, an audience", []string{"mint", "--subject", "ci"}},
	} {
		if r := u.run(tt.args...); r.status != 2 || !strings.Contains(r.stderr, tt.says) {
			t.Errorf("%v: %v, want %q", tt.args, r, tt.says)
		}
	}
	if r := u.must("key", "create", "ci", "--server", "nots"); !strings.Contains(r.stderr, `no server "nots"`) {
		t.Errorf("a key for a server that is none: %v", r)
	}
	u.must("key", "rotate", "ci", "--grace", "0")
	record := u.must("audit", "export").stdout
	for _, want := range []string{`"event":"allowed again"`, `"event":"key created"`} {
		if !strings.Contains(record, want) {
			t.Errorf("the record has no %s", want)
		}
	}
}
