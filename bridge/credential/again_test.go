package credential_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// forgetting is a server that has forgotten its clients when a code is to be
// redeemed: so often as times says.
func forgetting(s *script, times int) {
	registered := 0
	s.on(atRegister, func(w http.ResponseWriter, r *http.Request) {
		registered++
		sends(http.StatusCreated, object{"client_id": "c" + string(rune('0'+registered)), "token_endpoint_auth_method": "none"})(w, r)
	})
	s.on(atToken, func(w http.ResponseWriter, r *http.Request) {
		if times > 0 {
			times--
			sends(http.StatusUnauthorized, object{"error": "invalid_client"})(w, r)
			return
		}
		sends(http.StatusOK, s.tokens(nil))(w, r)
	})
}

// TestForgottenInTheMiddleOfASignIn: the client is registered once more, the
// browser goes on by itself, and nobody is asked twice.
func TestForgottenInTheMiddleOfASignIn(t *testing.T) {
	s := newScript(t)
	forgetting(s, 1)
	a, p := s.account(nil), &passer{t: t}
	if err := p.signIn(a); err != nil || bearer(t, a).Reveal() != "a1" {
		t.Fatalf("SignIn = %v", err)
	}
	if len(p.opened) != 1 || !strings.Contains(p.last, "Signed in to notes") {
		t.Errorf("%d browsers; the last page is %s", len(p.opened), p.last)
	}
	exchanges := s.requests(atToken)
	if len(exchanges) != 2 || exchanges[0].form.Get("client_id") != "c1" || exchanges[1].form.Get("client_id") != "c2" ||
		exchanges[0].form.Get("code_verifier") == exchanges[1].form.Get("code_verifier") {
		t.Errorf("token requests: %+v", exchanges)
	}
	if f, err := a.Facts(); err != nil || f.ClientID != "c2" {
		t.Errorf("the client is %q, %v", f.ClientID, err)
	}
}

// One that forgets every client is asked for no third.
func TestForgottenAgainAndAgain(t *testing.T) {
	s := newScript(t)
	forgetting(s, 1000)
	a, p := s.account(nil), &passer{t: t}
	refusedFor(t, p.signIn(a), fault.Refused, []string{"did not complete the sign-in"})
	if n := len(s.requests(atRegister)); n != 2 || len(p.opened) != 1 || !strings.Contains(p.last, "Not signed in") {
		t.Errorf("%d registrations, %d browsers, the last page is %s", n, len(p.opened), p.last)
	}
}

// A client that the person gave is theirs: nothing is registered in its place.
func TestGivenClientIsNotReplaced(t *testing.T) {
	s := newScript(t)
	forgetting(s, 1000)
	a, p := s.account(func(server *config.Server) { server.ClientID = "mine" }), &passer{t: t}
	refusedFor(t, p.signIn(a), fault.Refused, []string{"did not complete the sign-in"})
	if n := len(s.requests(atRegister)); n != 0 {
		t.Errorf("%d registrations", n)
	}
}

// TestStepUpDeclined: a person who says no to more permission is not asked for
// the same by itself again, and who waits for it hears so at once; for something
// else they are asked, and a sign-in of their own makes it good.
func TestStepUpDeclined(t *testing.T) {
	s := newScript(t)
	a, p := s.account(nil), &passer{t: t}
	if err := p.signIn(a); err != nil {
		t.Fatal(err)
	}
	old := bearer(t, a)
	ask := func(scope string) error {
		return a.StepUp(t.Context(), credential.Rejection{
			Token: old, Status: 403, Challenge: []string{`Bearer error="insufficient_scope", scope="` + scope + `"`},
		})
	}
	if err := ask("write"); !fault.Is(err, fault.SignInNeeded) {
		t.Fatalf("StepUp = %v", err)
	}
	s.on(atBrowser, s.goesBack(object{"code": nil, "error": "access_denied"}))
	if err := p.signIn(a); !fault.Is(err, fault.SignInRefused) {
		t.Fatalf("SignIn = %v", err)
	}
	if err := ask("write"); !fault.Is(err, fault.SignInRefused) || !strings.Contains(fault.Public(err).What, `"write". That was declined.`) {
		t.Errorf("the same again: %v", err)
	}
	if got := bearer(t, a); !got.Equal(old) {
		t.Error("the sign-in before is gone")
	}
	if err := ask("admin"); !fault.Is(err, fault.SignInNeeded) {
		t.Errorf("something else: %v", err)
	}

	// Nobody came, for want of a network: that is no refusal.
	s.on(atMCP, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	if err := p.signIn(a); !fault.Is(err, fault.Unreachable) {
		t.Errorf("SignIn = %v", err)
	}
	if err := ask("admin"); !fault.Is(err, fault.SignInNeeded) {
		t.Errorf("after a failure of the network: %v", err)
	}
	// Nor is the end of the process; a person's cancelling is one.
	s.honestAgain()
	cancelled := func(ctx context.Context, cancel func()) {
		_ = a.SignIn(ctx, credential.UI{Open: func(context.Context, string) error { cancel(); return nil }})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancelled(ctx, cancel)
	if err := ask("admin"); !fault.Is(err, fault.SignInNeeded) {
		t.Errorf("after the end of a process: %v", err)
	}
	why, cancelWhy := context.WithCancelCause(t.Context())
	cancelled(why, func() { cancelWhy(context.DeadlineExceeded) })
	if err := ask("admin"); !fault.Is(err, fault.SignInRefused) {
		t.Errorf("after it was cancelled: %v", err)
	}

	s.on(atToken, sends(200, s.tokens(object{"access_token": "a2"})))
	if err := p.signIn(a); err != nil {
		t.Fatal(err)
	}
	asked := s.requests(atBrowser)
	if err := ask("admin"); err != nil || !bearer(t, a).Equal(bearer(t, a)) {
		t.Errorf("with the new token: %v", err)
	}
	if f, err := a.Facts(); err != nil || len(f.Declined)+len(f.Wanted) > 0 || len(asked) == 0 {
		t.Errorf("afterwards: %+v, %v", f, err)
	}
}
