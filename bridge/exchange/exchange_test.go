package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/exchange"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
	"drawbridge/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

// clock is a time that the test moves.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()) }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }

func subject(token string, until time.Time) exchange.Subject {
	return exchange.Subject{Token: secret.New(token), Until: until}
}

func TestATokenIsExchangedOnceUntilEitherEnds(t *testing.T) {
	var c clock
	var asked atomic.Int64
	hold := make(chan struct{})
	x := exchange.New(func(_ context.Context, s secret.String) (exchange.Issued, error) {
		<-hold
		return exchange.Issued{Token: secret.New(fmt.Sprintf("for %s, %d", s.Reveal(), asked.Add(1))), Life: 10 * time.Minute}, nil
	}, c.now)
	get := func(s exchange.Subject) string {
		t.Helper()
		token, err := x.Token(t.Context(), s)
		if err != nil {
			t.Error(err)
		}
		return token.Reveal()
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if got := get(subject("ada", time.Time{})); got != "for ada, 1" {
				t.Errorf("got %q", got)
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	close(hold)
	all.Wait()
	c.pass(9 * time.Minute)
	if got := get(subject("ada", time.Time{})); got != "for ada, 1" {
		t.Errorf("after 9 of 10 minutes: %q", got)
	}
	c.pass(time.Minute)
	if got := get(subject("ada", time.Time{})); got != "for ada, 2" {
		t.Errorf("after its end: %q", got)
	}
	if got := get(subject("bob", c.now().Add(time.Minute))); got != "for bob, 3" {
		t.Errorf("another's: %q", got)
	}
	c.pass(time.Minute)
	if got := get(subject("bob", c.now().Add(time.Minute))); got != "for bob, 4" {
		t.Errorf("after the end of the caller's own: %q", got)
	}
}

func TestARefusalCountsForAMomentAndAnOutageDoesNot(t *testing.T) {
	var c clock
	asked, err := 0, fault.New(fault.Refused, "No.", "")
	x := exchange.New(func(context.Context, secret.String) (exchange.Issued, error) {
		asked++
		return exchange.Issued{}, err
	}, c.now)
	try := func(want error, times int) {
		t.Helper()
		if _, got := x.Token(t.Context(), subject("ada", time.Time{})); !errors.Is(got, want) || asked != times {
			t.Errorf("%v after %d questions, want %v after %d", got, asked, want, times)
		}
	}
	refused := err
	try(refused, 1)
	try(refused, 1)
	c.pass(11 * time.Second)
	err = fault.New(fault.Unreachable, "Away.", "")
	try(err, 2)
	try(err, 3)
}

func TestACallersTokenIsNeverUsedAndARefusedOneReplacedOnce(t *testing.T) {
	var c clock
	n := 0
	x := exchange.New(func(context.Context, secret.String) (exchange.Issued, error) {
		n++
		return exchange.Issued{Token: secret.New(fmt.Sprint("issued ", n)), Life: time.Hour}, nil
	}, c.now)
	held := exchange.NewHeld()
	who := exchange.NewCaller(x, func() exchange.Subject { return held.Last("ada") }, "notes")
	if token, err := who.Bearer(t.Context()); err == nil || !token.IsZero() {
		t.Fatalf("without a caller: %q, %v", token.Reveal(), err)
	}
	release := held.Hold("ada", subject("old", time.Time{}))
	held.Seen("ada", subject("new", time.Time{}))
	held.Seen("bob", subject("bob's", time.Time{}))
	token, err := who.Bearer(t.Context())
	if err != nil || token.Reveal() != "issued 1" || !held.Last("bob").Token.IsZero() || held.Last("ada").Token.Reveal() != "new" {
		t.Fatalf("%q, %v", token.Reveal(), err)
	}
	if err := who.Reject(t.Context(), credential.Rejection{Token: token, Status: 401}); err == nil {
		t.Error("a fresh token that is refused is replaced: that would go on for ever")
	}
	c.pass(time.Minute)
	if err := who.Reject(t.Context(), credential.Rejection{Token: token, Status: 401}); err != nil {
		t.Error(err)
	}
	if token, _ = who.Bearer(t.Context()); token.Reveal() != "issued 2" {
		t.Errorf("after the refusal: %q", token.Reveal())
	}
	release()
	if _, err := who.Bearer(t.Context()); err == nil {
		t.Error("what the caller showed is held on to after the last session")
	}
}

func TestManyCallersFillNoMemory(t *testing.T) {
	x := exchange.New(func(_ context.Context, s secret.String) (exchange.Issued, error) {
		return exchange.Issued{Token: s, Life: time.Hour}, nil
	}, nil)
	for i := range 25_000 {
		if _, err := x.Token(t.Context(), subject(fmt.Sprint(i), time.Time{})); err != nil {
			t.Fatal(err)
		}
	}
	if n := exchange.Kept(x); n > 10_000 {
		t.Errorf("%d tokens are kept", n)
	}
}
