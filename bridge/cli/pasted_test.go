package cli_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// landing opens an address in a browser on another computer: it says where that
// ends, which cannot be opened there.
func landing(t *testing.T, address string) string {
	t.Helper()
	client := &http.Client{
		Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Get(address)
	if err != nil {
		t.Error(err)
		return ""
	}
	_ = resp.Body.Close()
	return resp.Header.Get("Location")
}

// TestLoginByPastedAddress: the browser is on another computer, as over SSH. What
// it ended on is pasted; mistakes are explained, and the sign-in goes on.
func TestLoginByPastedAddress(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	u.must("add", "notes", w.URL+"/mcp")
	typed, keyboard := io.Pipe()
	u.stdin = typed
	u.person = func(address string) {
		ends := landing(t, address)
		for _, line := range []string{"", "what now?", address, strings.Replace(ends, "state=", "state=x", 1), "  " + ends} {
			if _, err := io.WriteString(keyboard, line+"\n"); err != nil {
				t.Error(err)
			}
		}
		_ = keyboard.Close()
	}
	got := u.must("login", "notes", "--no-browser")
	for _, says := range []string{
		"paste the address of that page here", "What was pasted is no address.", "is not the address that this sign-in ends on",
		"It begins with http://127.0.0.1:", "belongs to another sign-in",
	} {
		if !strings.Contains(got.stderr, says) {
			t.Errorf("it does not say %q:\n%s", says, got.stderr)
		}
	}
	u.must("token", "notes")
	if n := strings.Count(got.stderr, "What was pasted"); n != 3 {
		t.Errorf("%d mistakes explained", n)
	}
}

// Nothing is typed, and standard input ends at once: the browser's own answer
// counts as ever. A refusal that is pasted ends the sign-in.
func TestLoginWithoutAnythingTyped(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	u.must("add", "notes", w.URL+"/mcp")
	u.person = func(address string) { _, _ = browse(address) }
	u.must("login", "notes", "--no-browser")
	typed, keyboard := io.Pipe()
	u.stdin = typed
	u.person = func(address string) {
		back, _, _ := strings.Cut(landing(t, address), "?")
		_, state, _ := strings.Cut(address, "&state=")
		state, _, _ = strings.Cut(state, "&")
		_, _ = io.WriteString(keyboard, back+"?error=access_denied&state="+state+"\n")
		_ = keyboard.Close()
	}
	if got := u.run("login", "notes", "--no-browser"); got.status != 1 || !strings.Contains(got.stderr, "was declined") {
		t.Errorf("a pasted refusal: %v", got)
	}
}

// Where the provider takes a code from any device, that is offered to who has no
// browser here.
func TestLoginOffersTheCode(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	u.must("add", "notes", w.URL+"/mcp")
	u.person = func(address string) { _, _ = browse(address) }
	if got := u.must("login", "notes", "--no-browser"); strings.Contains(got.stderr, "device_code") {
		t.Errorf("offered although nobody takes one: %v", got)
	}
	w.put(metadataPlace, w.sends(200, w.metadata(object{"device_authorization_endpoint": "$SELF/device"})))
	if got := u.must("login", "notes", "--no-browser"); !strings.Contains(got.stderr, "drawbridge login notes --grant device_code") {
		t.Errorf("not offered: %v", got)
	}
}
