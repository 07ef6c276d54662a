package credential

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// atOnce is how many providers are told at the same time.
const atOnce = 4

// Outcome is how the sign-out of one credential went.
type Outcome struct {
	// Facts as they were before.
	Facts Facts
	// Err is nil when all is gone and revoked; it wraps ErrNotRevoked when all is
	// gone from this computer only.
	Err error
}

// Kept reports whether something of the sign-in may be in the vault.
func (f Facts) Kept() bool { return f.State == SignedIn || f.State == SignInNeeded }

// Kept lists the sign-ins of which something may be in the vault: what
// SignOutEverywhere will end. What could be read counts although there is an
// error.
func (m *Manager) Kept() ([]Facts, error) {
	all, err := m.AllFacts()
	return slices.DeleteFunc(all, func(f Facts) bool { return !f.Kept() }), err
}

// SignOutEverywhere signs out of every credential on this computer: revokes at
// every provider that can be reached and empties every entry, the registered
// clients and given client secrets included. Other processes notice within a
// second. One that fails does not keep the others; outcomes are in the order of
// Kept. The error says what could not even be listed.
func (m *Manager) SignOutEverywhere(ctx context.Context) ([]Outcome, error) {
	all, err := m.AllFacts()
	for _, f := range all {
		if f.Server.ClientID != "" {
			err = errors.Join(err, m.vault.Delete(ctx, clientSecretEntry(f.Server)))
		}
		if f.Server.OAuth.IdentityProvider.ClientID != "" {
			err = errors.Join(err, m.vault.Delete(ctx, idpSecretEntry(f.Server)))
		}
	}
	kept, _ := m.Kept() // its error is that of AllFacts
	outcomes := make([]Outcome, len(kept))
	slots := make(chan struct{}, atOnce)
	var work sync.WaitGroup
	for i, f := range kept {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			outcomes[i] = Outcome{Facts: f, Err: m.Account(f.Server, f.Account).SignOut(ctx)}
		})
	}
	work.Wait()
	for _, o := range outcomes {
		if o.Facts.Issuer != "" && (o.Err == nil || errors.Is(o.Err, ErrNotRevoked)) {
			err = errors.Join(err, m.vault.Delete(ctx, registrationEntry(o.Facts.Issuer)), m.vault.Delete(ctx, deviceEntry(o.Facts.Issuer)))
		}
	}
	return outcomes, err
}
