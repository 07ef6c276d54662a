package agent

import (
	"context"
	"errors"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/token"
)

var _ control.Backend = (*Agent)(nil)

// Feed implements control.Backend.
func (a *Agent) Feed() *control.Feed { return &a.feed }

// Activity implements control.Backend.
func (a *Agent) Activity() *control.Activity { return &a.activity }

// AddServer implements control.Backend.
func (a *Agent) AddServer(ctx context.Context, server config.Server) error {
	if err := config.Update(ctx, a.cfg.Paths, func(s *config.Settings) error { return s.Add(server) }); err != nil {
		return err
	}
	a.log.Info("server added", "name", server.Name, "url", server.URL)
	a.rebuild()
	return nil
}

// RemoveServer implements control.Backend. The credentials go first: the other
// way round a failure would leave tokens that nothing refers to.
func (a *Agent) RemoveServer(ctx context.Context, name string) (*control.Problem, error) {
	who, _, err := a.find(control.Named(name))
	if err != nil {
		return nil, err
	}
	server := who.server
	settings, err := config.Load(a.cfg.Paths)
	if err != nil {
		return nil, err
	}
	// Before the facts are read, or one of them could have its tokens just after.
	for _, account := range a.accountsOf(server, nil) {
		a.cancelAll(ctx, credential.Key(server, account))
	}
	all, err := a.cfg.Accounts.AllFacts()
	if err != nil {
		a.log.Warn("some facts unreadable", "error", err)
	}
	var warning *control.Problem
	var gone []string
	for _, account := range a.accountsOf(server, all) {
		account := a.cfg.Accounts.Account(server, account)
		problem, err := a.discard(ctx, account)
		if err != nil {
			a.rebuild() // the accounts before it are gone
			return nil, err
		}
		if warning == nil {
			warning = problem
		}
		gone = append(gone, account.Key())
	}
	if server.ClientID != "" || settings.BridgeFor(server.Name).Exchange != nil {
		if err := a.cfg.Accounts.ForgetServer(ctx, server); err != nil {
			a.log.Warn("a client secret is left behind", "name", name, "error", err)
		}
	}
	if err := config.Update(ctx, a.cfg.Paths, func(s *config.Settings) error { return s.Remove(server.Name) }); err != nil {
		return nil, err
	}
	for _, key := range gone {
		a.settle(key)
	}
	a.log.Info("server removed", "name", name)
	a.rebuild()
	return warning, nil
}

// RemoveAccount implements control.Backend.
func (a *Agent) RemoveAccount(ctx context.Context, key string) (*control.Problem, error) {
	who, account, err := a.find(control.Keyed(key))
	if err != nil {
		return nil, err
	}
	warning, err := a.discard(ctx, account)
	if err != nil {
		return nil, err
	}
	err = config.Update(ctx, a.cfg.Paths, func(s *config.Settings) error {
		s.Unuse(who.server, who.account)
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.settle(account.Key())
	a.log.Info("account removed", "key", account.Key())
	a.rebuild()
	return warning, nil
}

// discard signs out and forgets. A keychain that is locked stops it, as a
// person can open it; other failures are told but do not keep the server.
func (a *Agent) discard(ctx context.Context, account Account) (*control.Problem, error) {
	a.cancelAll(ctx, account.Key())
	facts, err := account.Facts()
	if err == nil && facts.State == "" {
		return nil, nil // nothing was ever stored: do not wake the keychain
	}
	err = account.SignOut(ctx)
	if fault.Is(err, fault.KeychainLocked) {
		return nil, err
	}
	if forget := account.Forget(ctx); err == nil {
		err = forget
	}
	if err != nil {
		a.log.Warn("signing out of a removed server", "key", account.Key(), "error", err)
	}
	return control.ProblemOf(err), nil
}

// SignOut implements control.Backend.
func (a *Agent) SignOut(ctx context.Context, target control.Target) (*control.Problem, error) {
	_, account, err := a.find(target)
	if err != nil {
		return nil, err
	}
	a.cancelAll(ctx, account.Key())
	err = account.SignOut(ctx)
	var warning *control.Problem
	if errors.Is(err, credential.ErrNotRevoked) {
		a.log.Warn("signed out, but not everywhere", "key", account.Key(), "error", err)
		warning, err = control.ProblemOf(err), nil
	}
	if err == nil {
		a.settle(account.Key())
	}
	a.rebuild()
	return warning, err
}

// Token implements control.Backend.
func (a *Agent) Token(ctx context.Context, key string) (token.Report, error) {
	_, account, err := a.find(control.Keyed(key))
	if err != nil {
		return token.Report{}, err
	}
	report, err := account.Report(ctx)
	if err == nil {
		a.remember(ctx, account)
	}
	return report, err
}

// TokenDifference implements control.Backend.
func (a *Agent) TokenDifference(ctx context.Context, key string) (*token.Difference, error) {
	_, account, err := a.find(control.Keyed(key))
	if err != nil {
		return nil, err
	}
	a.remember(ctx, account) // another process may have renewed it a moment ago
	return a.tokens.difference(account.Key()), nil
}

// AskToken implements control.Backend.
func (a *Agent) AskToken(ctx context.Context, key string) (control.TokenAnswer, error) {
	_, account, err := a.find(control.Keyed(key))
	if err != nil {
		return control.TokenAnswer{}, err
	}
	said, err := account.Ask(ctx)
	if err != nil {
		return control.TokenAnswer{}, err
	}
	out := control.TokenAnswer{
		Active: said.Active, Claims: said.Claims, Problem: control.ProblemOf(said.IntrospectError),
		Who: control.Identity{Subject: said.Who.Subject, Email: said.Who.Email, Name: said.Who.Name}, WhoProblem: control.ProblemOf(said.WhoError),
	}
	if out.Claims == nil {
		out.Claims = []token.Member{}
	}
	return out, nil
}

// OpenWindow implements control.Backend.
func (a *Agent) OpenWindow(ctx context.Context) error {
	if a.cfg.OpenWindow == nil {
		return fault.New(fault.Unsupported, "Drawbridge's window is not part of this installation.", "Use the commands: drawbridge status")
	}
	return a.cfg.OpenWindow(ctx)
}

// Keep implements control.Backend.
func (a *Agent) Keep(context.Context) error {
	a.keep()
	return nil
}

// Stop implements control.Backend.
func (a *Agent) Stop() {
	a.feed.Quit()
	a.stop()
}

// find returns the account that a target means.
func (a *Agent) find(target control.Target) (who, Account, error) {
	if target.Account != "" {
		if err := config.CheckAccount(target.Account); err != nil {
			return who{}, nil, err
		}
	}
	found, err := a.who(target)
	if err != nil {
		return who{}, nil, err
	}
	return found, a.cfg.Accounts.Account(found.server, found.account), nil
}

func (a *Agent) who(target control.Target) (who, error) {
	name := target.Name
	if name == "" && target.Server != nil {
		name = target.Server.Name // named: what the settings say of it counts
	}
	settings, err := config.Load(a.cfg.Paths)
	var server config.Server
	switch {
	case name != "":
		if err != nil {
			return who{}, err
		}
		server, err = settings.Find(name)
	case target.Key != "":
		return a.whoHas(settings, target.Key)
	case target.Server != nil:
		server, err = *target.Server, config.CheckURL(target.Server.URL, target.Server.AllowHTTP)
	default:
		err = fault.New(fault.Usage, "The request names no server.", "")
	}
	if err != nil {
		return who{}, err
	}
	account := target.Account
	if account == "" {
		account = server.DefaultName()
	}
	return who{server, account}, nil
}

// whoHas finds the account with a key: in the settings, among what is under way
// here, or, for an unnamed server, among the facts.
func (a *Agent) whoHas(settings *config.Settings, key string) (who, error) {
	all, _ := a.cfg.Accounts.AllFacts()
	if settings != nil {
		for _, server := range settings.Servers {
			names := append(a.accountsOf(server, all), settings.Accounts(server)...)
			for _, account := range append(names, config.DefaultAccount) {
				if credential.Key(server, account) == key {
					return who{server, account}, nil
				}
			}
		}
	}
	for _, live := range a.live() {
		if credential.Key(live.server, live.account) == key {
			return live, nil
		}
	}
	for _, f := range all {
		if f.Key == key && f.Server.Name == "" {
			return who{f.Server, f.Account}, nil
		}
	}
	return who{}, fault.New(fault.UnknownServer, "That server is not there any more.", "See `drawbridge list`.")
}

// live are the accounts that something is, or was, under way for in this process.
func (a *Agent) live() []who {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []who
	for _, s := range a.pending {
		out = append(out, s.who)
	}
	for _, n := range a.needs {
		out = append(out, n.who)
	}
	for _, f := range a.failed {
		out = append(out, f.who)
	}
	return out
}

// accountsOf are the names of a server's accounts, its default first: those that
// are known, and those that something is under way for.
func (a *Agent) accountsOf(server config.Server, all []credential.Facts, more ...string) []string {
	for _, live := range a.live() {
		if credential.Key(live.server, live.account) == credential.Key(server, live.account) && live.server.URL == server.URL {
			more = append(more, live.account)
		}
	}
	return credential.AccountsOf(server, all, more...)
}
