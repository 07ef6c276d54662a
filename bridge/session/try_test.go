package session_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/session"
)

// What goes well in Try ends the need for which a person was asked: the next
// refusal is another one, and they are asked again. What goes wrong does not.
func TestTryEndsTheNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, newPiped(t), &account{})
		needed := func(context.Context) error { return fault.New(fault.SignInNeeded, "demo needs you to sign in.", "") }
		well := func(context.Context) error { return nil }
		excuse := func() {
			t.Helper()
			if _, later := c.s.Excuse(jsonrpc.Message{}, c.s.Try(t.Context(), needed)); !later {
				t.Error("it is said to last")
			}
		}
		asked := func(want bool) {
			t.Helper()
			select {
			case <-c.needs:
				if !want {
					t.Error("the person was asked again for the same need")
				}
			case <-time.After(map[bool]time.Duration{true: 10 * time.Second, false: 100 * time.Millisecond}[want]):
				if want {
					t.Error("nobody was asked")
				}
			}
		}
		excuse()
		asked(true)
		excuse()
		asked(false)
		if err := c.s.Try(t.Context(), well); err != nil {
			t.Fatal(err)
		}
		excuse()
		asked(true)
	})
}

// hesitant is an account whose person is asked for more permission, and says no.
type hesitant struct {
	*account
	asked atomic.Int32
}

func (h *hesitant) StepUp(context.Context, credential.Rejection) error {
	if h.asked.Add(1) < 3 {
		return fault.New(fault.SignInNeeded, "demo asks for more permission.", "")
	}
	return fault.New(fault.SignInRefused, "That was declined.", "Sign in.")
}

// TestStepUpThatIsDeclined: the call that waits for it is answered when the person
// has said no, and not when it would have been given up.
func TestStepUpThatIsDeclined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
			if m.Method == "tools/call" {
				w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="write"`)
				w.WriteHeader(http.StatusForbidden)
				return
			}
			u.answer(w, r, m)
		}
		h := &hesitant{account: &account{}}
		c := connect(t, u, h.account, func(config *session.Config) { config.Credential = h })
		c.open()
		began := time.Now()
		c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write"}}`)
		if line := c.line(); !strings.Contains(line, "That was declined.") || !strings.Contains(line, "sign_in_refused") {
			t.Errorf("the client got %s", line)
		}
		t.Logf("answered after %v", time.Since(began))
		if len(c.needs) != 1 {
			t.Errorf("%d needs told", len(c.needs))
		}
	})
}
