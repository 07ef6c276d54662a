package agent

import (
	"slices"
	"strings"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
)

// rebuild reads settings and facts again and publishes what they say, together
// with the sign-ins and needs of this process. Any goroutine may call it.
func (a *Agent) rebuild() {
	a.building.Lock()
	defer a.building.Unlock()
	now := time.Now()
	s := control.Snapshot{Version: a.cfg.Version, Servers: []control.Server{}, Demo: a.cfg.Demo != ""}
	settings, err := config.Load(a.cfg.Paths)
	if err == nil {
		a.lastGood = settings
	} else {
		a.log.Warn("settings unreadable; the last good ones count", "error", err)
		s.Problem = control.ProblemOf(err)
	}
	s.Preferences = a.preferences(a.lastGood.Desktop)
	a.setLevel(s.Preferences)
	all, err := a.cfg.Accounts.AllFacts()
	if err != nil {
		a.log.Warn("some facts unreadable", "error", err)
	}
	seen := map[string]bool{}
	for _, server := range a.lastGood.Servers {
		var rows []control.Server
		for _, name := range a.accountsOf(server, all, a.lastGood.Accounts(server)...) {
			account := a.cfg.Accounts.Account(server, name)
			facts, err := account.Facts()
			if err != nil {
				a.log.Warn("facts unreadable", "key", account.Key(), "error", err)
			}
			seen[account.Key()] = true
			rows = append(rows, a.describe(account.Key(), who{server, name}, facts, now))
		}
		if len(rows) > 1 { // none of them is meant by the name alone
			for i := range rows {
				rows[i].Label = withAccount(rows[i].Name, rows[i].Account)
			}
		}
		s.Servers = append(s.Servers, rows...)
	}
	s.Servers = append(s.Servers, a.unnamed(all, seen, now)...)
	a.feed.Publish(s)
	a.followTokens(s.Servers, now)
	a.warn(s.Servers, now)
}

// unnamed describes the servers that are not in the settings but are signed in,
// or want to be: those of `drawbridge stdio --url`.
func (a *Agent) unnamed(all []credential.Facts, seen map[string]bool, now time.Time) []control.Server {
	known := map[string]credential.Facts{}
	for _, f := range all {
		if f.Server.Name == "" && f.Kept() {
			known[f.Key] = f
		}
	}
	for _, live := range a.live() {
		key := credential.Key(live.server, live.account)
		if _, ok := known[key]; !ok && live.server.Name == "" {
			known[key] = credential.Facts{Key: key, Server: live.server, Account: live.account}
		}
	}
	var out []control.Server
	for key, f := range known {
		if !seen[key] {
			out = append(out, a.describe(key, who{f.Server, f.Account}, f, now))
		}
	}
	slices.SortFunc(out, func(x, y control.Server) int { return strings.Compare(x.URL+" "+x.Key, y.URL+" "+y.Key) })
	return out
}

// describe is one row of the snapshot, of facts that were read at now or after.
func (a *Agent) describe(key string, who who, f credential.Facts, now time.Time) control.Server {
	server := who.server
	out := control.Server{
		Key: key, Name: server.Name, URL: server.URL, Account: who.account, Named: server.Name != "",
		Default:  config.SameAccount(who.account, server.DefaultName()),
		Identity: control.Identity{Subject: f.Subject, Email: f.Email, Name: f.Name, Tenant: f.Tenant},
		Issuer:   f.Issuer, Scopes: f.Scopes, Renewable: f.Renewable,
		IssuedAt: moment(f.IssuedAt), ExpiresAt: moment(f.ExpiresAt), RefreshedAt: moment(f.RefreshedAt),
		Kept: f.Kept(), Connection: connectionOf(server), Registers: server.ClientID == "" && server.OAuth.ClientMetadataURL == "",
	}
	if !out.Named {
		out.Name = server.URL
	}
	out.Label = out.Name
	if !config.SameAccount(out.Account, config.DefaultAccount) {
		out.Label = withAccount(out.Name, out.Account)
	}
	out.Era, out.Transport = a.cfg.Accounts.Account(server, who.account).Spoken()
	if out.Scopes == nil {
		out.Scopes = []string{}
	}
	if f.Problem != nil {
		out.Problem = &control.Problem{Code: f.Problem.Code, What: f.Problem.What, Next: f.Problem.Next}
	}

	a.mu.Lock()
	defer a.mu.Unlock()
	if f.State == credential.SignedIn && a.pending[key] == nil && works(f, now) {
		a.settleAsOf(key, now) // by whatever process: nobody waits any more
	}
	_, needed := a.needs[key]
	switch {
	case a.pending[key] != nil:
		status := a.pending[key].status
		out.State, out.SignIn, out.Problem = control.SigningIn, &status, nil
	case f.State == credential.SignedIn && !works(f, now):
		out.State = control.SignInNeeded
	case f.State == credential.SignedIn && f.Problem != nil:
		out.State = control.Trouble
	case f.State == credential.SignedIn:
		out.State = control.SignedIn
	case f.State == credential.SignInNeeded || needed:
		out.State = control.SignInNeeded
	default:
		out.State = control.SignedOut
	}
	if failed, ok := a.failed[key]; ok && a.pending[key] == nil {
		out.Problem = failed.problem
	}
	return out
}

func withAccount(name, account string) string { return name + " (" + account + ")" }

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
