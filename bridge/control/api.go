// Package control is the agent's local API: HTTP over a unix socket that only
// its user can reach, a server side, a typed client and the snapshot that tray
// and window draw. It must not know how a sign-in works, and no token ever
// crosses it.
package control

import (
	"context"
	"time"

	"drawbridge/bridge/config"
	doctor "drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/token"
)

// Target says which credential a request is about: by the server's name in the
// settings, by the credential's key, or, for an unnamed server, by the server
// itself. The first that is set counts.
type Target struct {
	Name   string         `json:"name,omitempty"`
	Key    string         `json:"key,omitempty"`
	Server *config.Server `json:"server,omitempty"`
	// Account is one of the server's, which need not be known yet; "" is its
	// default one. It does not go with Key, which says it already.
	Account string `json:"account,omitempty"`
}

// Named targets the server with the name.
func Named(name string) Target { return Target{Name: name} }

// Keyed targets the credential with the key.
func Keyed(key string) Target { return Target{Key: key} }

// Unnamed targets a server that is not in the settings.
func Unnamed(server config.Server) Target { return Target{Server: &server} }

// As is the same server with one of its accounts.
func (t Target) As(account string) Target {
	t.Account = account
	return t
}

// SignInRequest asks for a sign-in.
type SignInRequest struct {
	Target
	// NoBrowser leaves opening the address to the person.
	NoBrowser bool `json:"noBrowser,omitempty"`
	// ByCode wants a code for a browser on any device (RFC 8628), NewClient has
	// Drawbridge registered anew at the provider first. A sign-in that is under way
	// makes room for either.
	ByCode    bool `json:"byCode,omitempty"`
	NewClient bool `json:"newClient,omitempty"`
}

// NeedAction is what the agent did about a client's need.
type NeedAction string

// The actions.
const (
	// NeedNone: somebody is signed in by now; the client may try again.
	NeedNone NeedAction = "none"
	// NeedTray: the tray icon asks for a click, no browser was opened.
	NeedTray NeedAction = "tray"
	// NeedBrowser: a sign-in is under way in the browser; see SignIn.
	NeedBrowser NeedAction = "browser"
	// NeedAsked: the person was asked before and did not finish; the agent does
	// not ask again by itself.
	NeedAsked NeedAction = "asked"
)

// NeedAnswer tells a client what is being done about its need for a sign-in.
type NeedAnswer struct {
	Action NeedAction `json:"action"`
	// SignIn is the one under way, or nil.
	SignIn *SignIn `json:"signIn"`
}

// Actions is what a person can ask for with a click on the tray. They return at
// once; what comes of them shows in the next snapshot.
type Actions interface {
	// SignIn and SignOut are about the credential with the key.
	SignIn(key string)
	SignOut(key string)
	// CancelSignIn gives up the sign-in that is under way there.
	CancelSignIn(key string)
	// CopyEntry puts what an MCP client's settings need for the credential with the
	// key into the clipboard.
	CopyEntry(key string)
	// SignOutEverywhere ends every sign-in on this computer.
	SignOutEverywhere()
	// StartAtLogin has the agent started at login, or no more.
	StartAtLogin(yes bool)
	// Open opens Drawbridge's window.
	Open()
	// Quit ends the agent.
	Quit()
}

// Warning is the answer to a request that was carried out, but not wholly: a
// token could not be revoked, say. Problem is nil when all went well.
type Warning struct {
	Problem *Problem `json:"problem"`
}

// TokenAnswer is what the authorization server says of an access token that does
// not speak for itself. It holds no secret.
type TokenAnswer struct {
	// Active is false for a token that has ended, was revoked or is not known
	// (RFC 7662 §2.2). Claims are what it says of an active one. Both count only
	// while Problem, which says why it tells nothing, is nil.
	Active  bool           `json:"active"`
	Claims  []token.Member `json:"claims"`
	Problem *Problem       `json:"problem"`
	// Who the token belongs to (OpenID Connect Core §5.3), while WhoProblem is nil.
	Who        Identity `json:"who"`
	WhoProblem *Problem `json:"whoProblem"`
}

// Outcome is how the sign-out of one credential went.
type Outcome struct {
	// Key and Label are the credential's, as in the snapshot before. Both are
	// empty for a Problem that is of no single one: facts that cannot be read.
	Key   string `json:"key"`
	Label string `json:"label"`
	// Problem is nil when all is revoked and deleted.
	Problem *Problem `json:"problem"`
	// Stays is true when the tokens are still on this computer; without it a
	// Problem says that they are gone from here but not revoked.
	Stays bool `json:"stays"`
}

// Backend is what the server side needs of the agent. Each error reaches the
// client as the Problem of its public side.
type Backend interface {
	// Feed is the source of snapshots.
	Feed() *Feed
	// Activity is where clients' sessions and calls are noted.
	Activity() *Activity
	// AddServer puts a server into the settings.
	AddServer(ctx context.Context, server config.Server) error
	// RemoveServer signs out of all accounts and takes the server out of the
	// settings. The Problem says what of the signing out did not work.
	RemoveServer(ctx context.Context, name string) (*Problem, error)
	// RemoveAccount signs out and forgets one account. The Problem is as before.
	RemoveAccount(ctx context.Context, key string) (*Problem, error)
	// StartSignIn begins a sign-in, or joins the one under way.
	StartSignIn(ctx context.Context, req SignInRequest) (SignIn, error)
	// WaitSignIn returns when the sign-in is done, when it has an address other
	// than seen, or after wait.
	WaitSignIn(ctx context.Context, id, seen string, wait time.Duration) (SignIn, error)
	// CancelSignIn ends a sign-in that is under way.
	CancelSignIn(ctx context.Context, id string) error
	// CancelSignIns ends the sign-ins under way, of the credential with the key or,
	// for "", all of them, and returns when they have ended.
	CancelSignIns(ctx context.Context, key string) error
	// SignOut revokes and deletes a credential. The Problem says what of the
	// revoking did not work although the credential is gone from this machine.
	SignOut(ctx context.Context, target Target) (*Problem, error)
	// SignOutEverywhere ends the sign-ins under way and revokes and deletes every
	// credential on this computer. It goes on when ctx ends.
	SignOutEverywhere(ctx context.Context) ([]Outcome, error)
	// Token explains the access token of a credential.
	Token(ctx context.Context, key string) (token.Report, error)
	// TokenDifference says how the access token differs from the one before it;
	// nil while only one has been seen.
	TokenDifference(ctx context.Context, key string) (*token.Difference, error)
	// AskToken asks the authorization server about the access token.
	AskToken(ctx context.Context, key string) (TokenAnswer, error)
	// CopyToken puts the access token into the clipboard, and takes it out again
	// after a while. Ask the person first.
	CopyToken(ctx context.Context, key string) error
	// Doctor finds out why a server cannot be used, without changing anything.
	// progress is called with each line, on the caller's goroutine.
	Doctor(ctx context.Context, target Target, progress func(doctor.Line)) (doctor.Report, error)
	// Need is told by a client that only a person can help it on.
	Need(ctx context.Context, target Target) (NeedAnswer, error)
	// OpenWindow opens Drawbridge's window.
	OpenWindow(ctx context.Context) error
	// Keep makes an agent that was started on demand stay, with its tray.
	Keep(ctx context.Context) error
	// Stop ends the agent soon after it returns.
	Stop()
	Entries
	Preferrer
	SecretKeeper
	Connector
	DemoRunner
}

// SignInUnneeded is the code of a sign-in to a server that asks for none.
const SignInUnneeded fault.Code = "sign_in_unneeded"
