package credential

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// stored puts another sign-in's tokens where a's were, as another process does.
func stored(t *testing.T, a *Account, access string, left time.Duration) {
	t.Helper()
	b := other(a)
	r, err := b.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next, now := *r, time.Now()
	next.Access, next.Refresh = secret.New(access), secret.New("r-of-"+access)
	next.IssuedAt, next.ExpiresAt = now, now.Add(left)
	if err := errors.Join(b.write(t.Context(), &next), b.note(func(f *Facts) { f.noteRecord(&next) })); err != nil {
		t.Fatal(err)
	}
}

// mustBe checks what is on the disk and what a call gets.
func mustBe(t *testing.T, a *Account, access string) {
	t.Helper()
	if got, err := a.Bearer(t.Context()); err != nil || got.Reveal() != access {
		t.Errorf("Bearer = %q, %v; want %q", got.Reveal(), err, access)
	}
	if f, err := a.Facts(); err != nil || f.State != SignedIn || f.Problem != nil {
		t.Errorf("facts: %s, %v, %v", f.State, f.Problem, err)
	}
}

// Whoever finds that only a person can help looks again before it says so: a
// person may have helped, a moment ago and in another process.
func TestASignInElsewhereIsNotWrittenOver(t *testing.T) {
	for name, expired := range map[string]time.Duration{"works": time.Hour, "is renewed": -time.Second} {
		t.Run("its token "+name, func(t *testing.T) {
			e := newEndpoint(t, func(n int, w http.ResponseWriter) {
				if n == 1 {
					refuse(w, 400, `{"error":"invalid_grant"}`)
					return
				}
				grant(w, "a9", "r9")
			})
			a := signedIn(t, e, -time.Minute)
			at := time.Now() // no second passes: nobody looks again for that
			a.m.now = func() time.Time { return at }
			for range 2 {
				if _, err := a.Bearer(t.Context()); !fault.Is(err, fault.SignInNeeded) {
					t.Fatalf("Bearer = %v", err)
				}
			}
			a.mu.Lock()
			a.looked = at // as by a call of this moment
			a.mu.Unlock()
			stored(t, a, "a9", expired)
			mustBe(t, a, "a9")
		})
	}
}

// So does who was refused, and found no way on before it had the lock.
func TestASignInElsewhereHelpsWhoWasRefused(t *testing.T) {
	e := newEndpoint(t, nil)
	a := signedIn(t, e, time.Hour)
	cur, err := a.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stored(t, a, "a9", time.Hour)
	others, err := a.needSignIn(t.Context(), errRefused, cur.Access)
	if err != nil || others.access().Reveal() != "a9" {
		t.Fatalf("needSignIn = %v, %v", others, err)
	}
	mustBe(t, a, "a9")
	// It is not asked for on behalf of the new token.
	if others, err := a.needSignIn(t.Context(), errRefused, others.Access); !fault.Is(err, fault.SignInNeeded) || others != nil {
		t.Errorf("with that one refused, too: %v, %v", others, err)
	}
}

// While nobody signs in every call of every process finds that only a person can
// help: none of them waits for the lock, which the sign-in needs, or writes anew what
// has been written, which would have all others read the vault again.
func TestANeedThatIsNotedCostsNoLockAndNoWriting(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) { refuse(w, 400, `{"error":"invalid_grant"}`) })
	a := signedIn(t, e, -time.Minute)
	if _, err := a.Bearer(t.Context()); !fault.Is(err, fault.SignInNeeded) {
		t.Fatalf("Bearer = %v", err)
	}
	if err := a.Reject(t.Context(), Rejection{Token: secret.New("a0"), Status: 401}); !fault.Is(err, fault.SignInNeeded) {
		t.Fatalf("Reject = %v", err) // with what the server asks for
	}
	noted := a.factsStamp()
	unlock, err := other(a).lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), lockWait/2)
	defer cancel()
	b := other(a)
	for _, process := range []*Account{a, b, a, b} {
		if _, err := process.Bearer(ctx); !fault.Is(err, fault.SignInNeeded) {
			t.Errorf("Bearer = %v", err)
		}
		if err := process.Reject(ctx, Rejection{Token: secret.New("a0"), Status: 401}); !fault.Is(err, fault.SignInNeeded) {
			t.Errorf("Reject = %v", err)
		}
	}
	if !sameFile(noted, a.factsStamp()) {
		t.Error("what was written is written anew")
	}
	if f, err := a.Facts(); err != nil || f.Problem == nil || !strings.Contains(f.Problem.What, "ended the sign-in") {
		t.Errorf("the reason that was noted first is lost: %+v, %v", f.Problem, err)
	}
}

// What was read before a renewal, and comes after it, is not believed; so with a
// sign-out.
func TestALateReadingIsNotBelieved(t *testing.T) {
	e := newEndpoint(t, func(n int, w http.ResponseWriter) { grant(w, fmt.Sprint("a", n), fmt.Sprint("r", n)) })
	a := signedIn(t, e, time.Hour)
	old, err := a.Bearer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	late, err := a.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Reject(t.Context(), Rejection{Token: old, Status: 401}); err != nil {
		t.Fatal(err)
	}
	if a.learn(late) {
		t.Error("a reading from before a renewal counts")
	}
	mustBe(t, a, "a1")
	if late, err = a.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !a.learn(late) {
		t.Error("a reading of what is known does not count")
	}
	if err := a.SignOut(t.Context()); err != nil && !errors.Is(err, ErrNotRevoked) {
		t.Fatal(err)
	}
	if a.learn(late) {
		t.Error("a reading from before a sign-out counts")
	}
	if got, err := a.Bearer(t.Context()); !got.IsZero() {
		t.Errorf("after the sign-out: %q, %v", got.Reveal(), err)
	}
}

// watched is a vault that tells of each look into it.
type watched struct {
	Vault
	look func()
}

func (w watched) Get(ctx context.Context, name string) (secret.String, error) {
	w.look()
	return w.Vault.Get(ctx, name)
}

// A renewal that was under way for an older token says nothing of the one that was
// refused now.
func TestRenewalsOfOlderTokensDoNotCount(t *testing.T) {
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) { grant(w, "a1", "r1") })
	a := signedIn(t, e, time.Hour)
	cur, err := a.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended, looks := make(chan struct{}), 0
	close(ended)
	a.m.vault = watched{a.m.vault, func() { // Reject looks, then joins what is under way
		if looks++; looks > 4 {
			return
		}
		a.mu.Lock()
		a.flight = &flight{stale: secret.New("older"), rec: cur, done: ended}
		if looks == 4 {
			a.flight = nil
		}
		a.mu.Unlock()
	}}
	if err := a.Reject(t.Context(), Rejection{Token: cur.Access, Status: 401}); err != nil {
		t.Errorf("Reject = %v", err)
	}
	mustBe(t, a, "a1")
}

// Two writes within one tick of the file system's clock are two.
func TestAChangeWithinTheSameTickIsSeen(t *testing.T) {
	e := newEndpoint(t, nil)
	a := signedIn(t, e, time.Hour)
	mustBe(t, a, "a0")
	before := a.factsStamp()
	stored(t, a, "a1", time.Hour)
	if after := a.factsStamp(); sameFile(before, after) || sameFile(before, nil) || !sameFile(after, after) {
		t.Error("another file counts as the same")
	}
}

// Who gives up waiting is not told of a process that is busy.
func TestAWaitThatIsGivenUpIsNoFaultOfTheOther(t *testing.T) {
	e := newEndpoint(t, nil)
	a := signedIn(t, e, time.Hour)
	unlock, err := other(a).lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := a.lock(ctx); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "busy") {
		t.Errorf("lock = %v", err)
	}
}
