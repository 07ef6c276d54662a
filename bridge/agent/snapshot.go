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
	s := control.Snapshot{Version: a.cfg.Version, Servers: []control.Server{}}
	settings, err := config.Load(a.cfg.Paths)
	if err == nil {
		a.lastGood = settings.Servers
	} else {
		a.log.Warn("settings unreadable; the last good ones count", "error", err)
		s.Problem = control.ProblemOf(err)
	}
	seen := map[string]bool{}
	for _, server := range a.lastGood {
		account := a.cfg.Accounts.Account(server, config.DefaultAccount)
		facts, err := account.Facts()
		if err != nil {
			a.log.Warn("facts unreadable", "key", account.Key(), "error", err)
		}
		seen[account.Key()] = true
		s.Servers = append(s.Servers, a.describe(account.Key(), server, facts, now))
	}
	s.Servers = append(s.Servers, a.unnamed(seen, now)...)
	a.feed.Publish(s)
}

// unnamed describes the servers that are not in the settings but are signed in,
// or want to be: those of `drawbridge stdio --url`.
func (a *Agent) unnamed(seen map[string]bool, now time.Time) []control.Server {
	all, err := a.cfg.Accounts.AllFacts()
	if err != nil {
		a.log.Warn("some facts unreadable", "error", err)
	}
	known := map[string]credential.Facts{}
	for _, f := range all {
		if f.Server.Name == "" && f.Account == config.DefaultAccount && (f.State == credential.SignedIn || f.State == credential.SignInNeeded) {
			known[f.Key] = f
		}
	}
	a.mu.Lock()
	for key, n := range a.needs {
		if _, ok := known[key]; !ok && n.server.Name == "" {
			known[key] = credential.Facts{Key: key, Server: n.server}
		}
	}
	for key, p := range a.pending {
		if _, ok := known[key]; !ok && p.server.Name == "" {
			known[key] = credential.Facts{Key: key, Server: p.server}
		}
	}
	a.mu.Unlock()
	var out []control.Server
	for key, f := range known {
		if !seen[key] {
			out = append(out, a.describe(key, f.Server, f, now))
		}
	}
	slices.SortFunc(out, func(x, y control.Server) int { return strings.Compare(x.URL+" "+x.Key, y.URL+" "+y.Key) })
	return out
}

// describe is one server of the snapshot.
func (a *Agent) describe(key string, server config.Server, f credential.Facts, now time.Time) control.Server {
	out := control.Server{
		Key: key, Name: server.Name, URL: server.URL, Account: config.DefaultAccount, Named: server.Name != "",
		Identity: control.Identity{Subject: f.Subject, Email: f.Email, Name: f.Name},
		Issuer:   f.Issuer, Scopes: f.Scopes, Renewable: f.Renewable,
		IssuedAt: moment(f.IssuedAt), ExpiresAt: moment(f.ExpiresAt), RefreshedAt: moment(f.RefreshedAt),
	}
	if !out.Named {
		out.Name = server.URL
	}
	if out.Scopes == nil {
		out.Scopes = []string{}
	}
	if f.Problem != nil {
		out.Problem = &control.Problem{Code: f.Problem.Code, What: f.Problem.What, Next: f.Problem.Next}
	}

	a.mu.Lock()
	defer a.mu.Unlock()
	if f.State == credential.SignedIn && a.pending[key] == nil && works(f, now) {
		a.settleLocked(key) // by whatever process: nobody waits any more
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
	if problem := a.failed[key]; problem != nil && a.pending[key] == nil {
		out.Problem = problem
	}
	return out
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
