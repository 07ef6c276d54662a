package credential

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// AccountsOf are the names of a server's accounts: those that somebody uses by
// the facts in all, those under more, and its default one, which comes first.
// Facts of another address under the same name do not count.
func AccountsOf(server config.Server, all []Facts, more ...string) []string {
	found := slices.Clone(more)
	for _, f := range all {
		if f.State != "" && f.isAt(server) {
			found = append(found, f.Account)
		}
	}
	slices.Sort(found)
	out := []string{server.DefaultName()}
	for _, name := range found {
		if !slices.ContainsFunc(out, func(there string) bool { return config.SameAccount(there, name) }) {
			out = append(out, name)
		}
	}
	return out
}

// isAt reports whether the facts are about an account of the server.
func (f Facts) isAt(server config.Server) bool {
	return f.Key == Key(server, f.Account) && f.Server.URL == server.URL
}

// Others are what is known of the server's other accounts that somebody has signed in to.
func (a *Account) Others() []Facts {
	all, err := a.m.AllFacts()
	if err != nil {
		a.m.log.Warn("some facts unreadable", "error", err)
	}
	return slices.DeleteFunc(all, func(f Facts) bool {
		known := f.State == SignedIn || f.State == SignInNeeded && f.Issuer != ""
		return f.Key == a.key || !f.isAt(a.server) || !known
	})
}

// expect completes what a sign-in asks the authorization server for: the browser
// may be signed in there as the person of another account.
func (a *Account) expect(ui UI) UI {
	f, err := a.Facts()
	if ui.LoginHint == "" && err == nil {
		ui.LoginHint = f.Email
	}
	if ui.LoginHint == "" && strings.Contains(a.account, "@") {
		ui.LoginHint = a.account // named like the person's e-mail address
	}
	added := !config.SameAccount(a.account, config.DefaultAccount) && (err != nil || f.Subject == "")
	ui.SelectAccount = ui.SelectAccount || added || len(a.Others()) > 0
	return ui
}

// samePerson refuses the tokens of somebody else than the account is known to
// be. Without a subject in the tokens, or at another authorization server, who
// signed in cannot be told, and the person's word counts.
func (a *Account) samePerson(ctx context.Context, r *record) error {
	was, err := a.Facts()
	if err != nil || was.Subject == "" {
		// Facts can be lost; what the vault has counts as well.
		if old, err := a.read(ctx); err == nil && old != nil {
			who := identityOf(old)
			was = Facts{Issuer: old.Issuer, Subject: who.Subject, Email: who.Email, Name: who.Name, Tenant: who.Tenant}
		}
	}
	if was.State == SignedOut || was.Subject == "" || was.Issuer != r.Issuer {
		return nil
	}
	is := identityOf(r)
	sameTenant := was.Tenant == "" || is.Tenant == "" || was.Tenant == is.Tenant
	if is.Subject == "" || is.Subject == was.Subject && sameTenant {
		return nil
	}
	now := Facts{Subject: is.Subject, Email: is.Email, Name: is.Name, Tenant: is.Tenant}
	before, after := was.Display(), now.Display()
	switch { // one e-mail address may be two people to the server
	case before != after:
	case !sameTenant:
		before, after = before+" ("+was.Tenant+")", after+" ("+now.Tenant+")"
	default:
		before, after = before+" ("+was.Subject+")", after+" ("+now.Subject+")"
	}
	next := fmt.Sprintf("Nothing was changed. Sign out of %s first, or add %s as another account.", a.Name(), after)
	if name := a.server.Name; name != "" {
		next = fmt.Sprintf("Nothing was changed. To use both, run: drawbridge login %s --account NAME. To replace %s, first run: drawbridge logout %s", name, before, a.Name())
	}
	return fault.New(fault.OtherAccount, fmt.Sprintf("%s is %s, but %s signed in.", a.Name(), before, after), next)
}

// ForgetServer deletes what belongs to no account of a server alone: the secret
// of the client that the user registered, and those of the ones at the company's
// identity provider and of the exchange of tokens. Forget the accounts first.
func (m *Manager) ForgetServer(ctx context.Context, server config.Server) error {
	var err error
	for _, entry := range []string{clientSecretEntry(server), idpSecretEntry(server), exchangeEntry(server)} {
		err = errors.Join(err, m.vault.Delete(ctx, entry))
	}
	return err
}
