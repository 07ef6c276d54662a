package credential

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
)

// revokeLimit bounds telling the authorization server.
const revokeLimit = 15 * time.Second

// ErrNotRevoked means that the sign-out is complete on this machine, but the
// authorization server could not be told.
var ErrNotRevoked = errors.New("tokens deleted but not revoked")

// SignOut revokes the tokens at the authorization server when it can (RFC 7009)
// and deletes them from the vault in any case. Nothing stored is no error. It
// returns an error that wraps ErrNotRevoked when only the revocation went wrong.
func (a *Account) SignOut(ctx context.Context) error {
	unlock, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := a.read(ctx)
	if err != nil {
		a.m.log.Warn("stored tokens unreadable; deleting them", "key", a.key, "error", err)
		if fault.Is(err, fault.NoKeychain) || fault.Is(err, fault.KeychainLocked) {
			return err
		}
	}
	revokeErr := a.revoke(ctx, r)
	a.revokeCompany(ctx, r)
	if err := a.m.vault.Delete(ctx, tokensEntry(a.key)); err != nil {
		return err
	}
	if err := a.note(func(f *Facts) {
		*f = Facts{Key: f.Key, Account: f.Account, Server: f.Server, State: SignedOut, ClientAt: f.ClientAt}
	}); err != nil {
		// On a full disk nothing can be written, but a file can be deleted:
		// nothing known is better than a sign-in that is no longer there.
		a.m.log.Warn("facts not written", "key", a.key, "error", err)
		if err := removeFile(a.factsFile()); err != nil {
			return err
		}
	}
	a.dropDescriptions()
	a.drop()
	if r != nil {
		note := ""
		if revokeErr != nil || r.RevocationEndpoint == "" {
			note = "deleted here only"
		}
		a.tell(EventRevoked, r, note)
	}
	a.m.log.Info("signed out", "key", a.key, "revoked", revokeErr == nil)
	return revokeErr
}

func (a *Account) revoke(ctx context.Context, r *record) error {
	if r == nil || r.RevocationEndpoint == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, revokeLimit)
	defer cancel()
	client := a.m.oauth(a.server)
	who, err := a.armed(r)
	if err != nil { // the key's file is gone: without it nobody can tell the server
		return fault.Wrap(errors.Join(ErrNotRevoked, err), fault.Unreachable,
			fmt.Sprintf("Signed out of %s here, but %s could not be told to revoke the tokens.", a.Name(), r.Issuer), fault.Public(err).What)
	}
	var errs []error
	for _, t := range []oauth.RevokeRequest{
		{Token: r.Refresh, Hint: "refresh_token"}, // first: it takes the whole grant with it
		{Token: r.Access, Hint: "access_token"},
	} {
		if t.Token.IsZero() {
			continue
		}
		t.Endpoint, t.Client = r.RevocationEndpoint, who
		err := client.Revoke(ctx, t)
		// A server whose access tokens are read by resources alone cannot revoke one
		// and says so (RFC 7009 §2.2.1). With the grant gone no other comes of it.
		var refused *oauth.TokenError
		if t.Hint == "access_token" && len(errs) == 1 && errs[0] == nil && errors.As(err, &refused) && refused.Code == "unsupported_token_type" {
			a.m.log.Debug("the access token lives until it ends: its issuer cannot revoke one", "key", a.key)
			err = nil
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fault.Wrap(errors.Join(ErrNotRevoked, err), fault.Unreachable,
			fmt.Sprintf("Signed out of %s here, but %s could not be told to revoke the tokens.", a.Name(), r.Issuer),
			"The tokens are deleted from this computer; the provider's account page can end the access there.")
	}
	return nil
}

// Forget deletes all that is kept about the credential: tokens and facts. Sign
// out first, so that the tokens are revoked. See Manager.ForgetServer for the rest.
func (a *Account) Forget(ctx context.Context) error {
	unlock, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := a.m.vault.Delete(ctx, tokensEntry(a.key)); err != nil {
		return err
	}
	a.drop()
	a.dropDescriptions()
	return removeFile(a.factsFile())
}

// ForgetIssuer deletes the client that was registered at an authorization
// server. Every account there registers anew at its next sign-in.
func (a *Account) ForgetIssuer(ctx context.Context, issuer string) error {
	return errors.Join(a.m.vault.Delete(ctx, registrationEntry(issuer)), a.m.vault.Delete(ctx, deviceEntry(issuer)))
}
