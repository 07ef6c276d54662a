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

// AddServer implements control.Backend.
func (a *Agent) AddServer(ctx context.Context, server config.Server) error {
	if err := config.Update(ctx, a.cfg.Paths, func(s *config.Settings) error { return s.Add(server) }); err != nil {
		return err
	}
	a.log.Info("server added", "name", server.Name, "url", server.URL)
	a.rebuild()
	return nil
}

// RemoveServer implements control.Backend. The credential goes first: the other
// way round a failure would leave tokens that nothing refers to.
func (a *Agent) RemoveServer(ctx context.Context, name string) (*control.Problem, error) {
	server, account, err := a.find(control.Named(name))
	if err != nil {
		return nil, err
	}
	warning, err := a.discard(ctx, account)
	if err != nil {
		return nil, err
	}
	if err := config.Update(ctx, a.cfg.Paths, func(s *config.Settings) error { return s.Remove(server.Name) }); err != nil {
		return nil, err
	}
	a.settle(account.Key())
	a.log.Info("server removed", "name", name)
	a.rebuild()
	return warning, nil
}

// discard signs out and forgets. A keychain that is locked stops it, as a
// person can open it; other failures are told but do not keep the server.
func (a *Agent) discard(ctx context.Context, account Account) (*control.Problem, error) {
	a.cancelPending(account.Key())
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
	a.cancelPending(account.Key())
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
	return account.Report(ctx)
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

// find returns the server and the account that a target means.
func (a *Agent) find(target control.Target) (config.Server, Account, error) {
	server, err := a.server(target)
	if err != nil {
		return config.Server{}, nil, err
	}
	return server, a.cfg.Accounts.Account(server, config.DefaultAccount), nil
}

func (a *Agent) server(target control.Target) (config.Server, error) {
	name := target.Name
	if name == "" && target.Server != nil {
		name = target.Server.Name // named: what the settings say of it counts
	}
	settings, err := config.Load(a.cfg.Paths)
	switch {
	case name != "":
		if err != nil {
			return config.Server{}, err
		}
		return settings.Find(name)
	case target.Key != "":
		return a.serverByKey(settings, target.Key)
	case target.Server != nil:
		return *target.Server, config.CheckURL(target.Server.URL, target.Server.AllowHTTP)
	}
	return config.Server{}, fault.New(fault.Usage, "The request names no server.", "")
}

func (a *Agent) serverByKey(settings *config.Settings, key string) (config.Server, error) {
	if settings != nil {
		for _, server := range settings.Servers {
			if credential.Key(server, config.DefaultAccount) == key {
				return server, nil
			}
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if s, ok := a.pending[key]; ok {
		return s.server, nil
	}
	if n, ok := a.needs[key]; ok {
		return n.server, nil
	}
	all, _ := a.cfg.Accounts.AllFacts()
	for _, f := range all {
		if f.Key == key && f.Server.Name == "" {
			return f.Server, nil
		}
	}
	return config.Server{}, fault.New(fault.UnknownServer, "That server is not there any more.", "See `drawbridge list`.")
}
