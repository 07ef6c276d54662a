package agent

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// renewed is how a credential stands after somebody renewed its token.
func renewed(f credential.Facts, by time.Duration) credential.Facts {
	f.IssuedAt, f.ExpiresAt = f.IssuedAt.Add(by), f.ExpiresAt.Add(by)
	f.RefreshedAt = f.IssuedAt
	return f
}

func TestTheLedgerSaysWhoRenewedWhenAndLate(t *testing.T) {
	var told []control.Renewal
	l := ledger{tell: func(all []control.Renewal) { told = all }}
	first := fresh("notes", time.Hour)
	due := map[string]time.Time{"notes": first.ExpiresAt.Add(-time.Minute)}
	l.observe([]credential.Facts{first}, due)
	if len(told) != 1 || told[0].Done != nil || !told[0].Due.Equal(due["notes"]) || told[0].Label != "notes" {
		t.Fatalf("what is to come: %+v", told)
	}

	l.tries("notes")
	l.fails("notes", fault.New(fault.Unreachable, "It is away.", ""))
	if told[0].Failures != 1 || told[0].LastFailure != "It is away." {
		t.Errorf("after a failure: %+v", told[0])
	}
	l.tries("notes")
	second := renewed(first, 59*time.Minute)
	l.observe([]credential.Facts{second}, nil)
	if len(told) != 2 || told[0].By != control.RenewedByAgent || !told[0].Done.Equal(second.IssuedAt) || told[1].Done != nil {
		t.Errorf("after the agent's renewal: %+v", told)
	}

	third := renewed(second, time.Minute)
	l.observe([]credential.Facts{third}, nil)
	fourth := third
	fourth.IssuedAt = third.IssuedAt.Add(time.Minute) // not by a refresh
	l.observe([]credential.Facts{fourth}, nil)
	if told[1].By != control.RenewedByClient || told[2].By != control.RenewedByPerson {
		t.Errorf("by others: %+v", told)
	}

	l.observe(nil, nil)
	if len(told) != 3 || told[2].Done == nil {
		t.Errorf("what will not come is still there: %+v", told)
	}
}

// A renewal that is due at once is the agent's, too.
func TestARenewalBeginsOnceTheLedgerKnowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTokens()
		k.facts["notes"] = renewed(fresh("notes", time.Hour), -2*time.Hour)
		begun, goOn := false, make(chan struct{})
		var told []control.Renewal
		startRenewalsWith(t, k, func(r *renewals) {
			r.chance = func() float64 { return 0 }
			r.remember = func(context.Context, Account) {
				begun = true
				<-goOn
			}
			r.ledger.tell = func(all []control.Renewal) {
				if told = slices.Clone(all); len(all) == 1 {
					synctest.Wait() // until whoever has begun can go no further
					if begun {
						t.Error("it begins before the ledger knows it")
					}
				}
			}
		})
		time.Sleep(time.Second)
		close(goOn)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(told) != 2 || told[0].By != control.RenewedByAgent {
			t.Errorf("told: %+v", told)
		}
	})
}

func TestTheLedgerIsBounded(t *testing.T) {
	var told []control.Renewal
	l := ledger{tell: func(all []control.Renewal) { told = all }}
	f := fresh("notes", time.Hour)
	for range 2 * maxRenewals {
		f = renewed(f, time.Minute)
		l.observe([]credential.Facts{f}, nil)
	}
	if len(told) != maxRenewals || told[0].ID != maxRenewals+1 {
		t.Errorf("%d are kept, from %d on", len(told), told[0].ID)
	}
}

// The real schedule: what it expects and what comes of it are in the ledger.
func TestRenewalsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTokens()
		k.facts["a"] = fresh("a", time.Hour)
		activity := &control.Activity{}
		startRenewalsWith(t, k, func(r *renewals) { r.ledger.tell = activity.SetRenewals })
		time.Sleep(61 * time.Minute)
		k.mu.Lock()
		k.err = errors.New("away")
		k.mu.Unlock()
		time.Sleep(61 * time.Minute)
		all := activity.Renewals()
		if len(all) != 2 || all[0].Done == nil || all[0].Due == nil {
			t.Fatalf("after two hours: %+v", all)
		}
		if late := all[0].Done.Sub(*all[0].Due); late < 0 || late > 10*time.Second {
			t.Errorf("done %v after it was due", late)
		}
		if all[0].By != control.RenewedByAgent {
			t.Errorf("it was %q", all[0].By)
		}
		if all[1].Done != nil || all[1].Failures == 0 {
			t.Errorf("one that fails: %+v", all[1])
		}
	})
}
