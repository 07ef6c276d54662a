package control

import (
	"time"

	"drawbridge/bridge/fault"
)

// State is how a server stands, in one word. The window and the tray draw it
// by shape, word and colour.
type State string

// The states.
const (
	// SignedIn: there is a credential that works.
	SignedIn State = "signed_in"
	// SignedOut: nobody has signed in, or somebody signed out on purpose.
	SignedOut State = "signed_out"
	// SigningIn: a browser is open, or its address was shown; see Server.SignIn.
	SigningIn State = "signing_in"
	// SignInNeeded: a client wants the server and only a person can go on.
	SignInNeeded State = "sign_in_needed"
	// Trouble: signed in, but the last attempt to renew the token failed.
	Trouble State = "trouble"
)

// AllStates lists the states for the window's bindings.
var AllStates = []struct {
	Value  State
	TSName string
}{
	{SignedIn, "SignedIn"},
	{SignedOut, "SignedOut"},
	{SigningIn, "SigningIn"},
	{SignInNeeded, "SignInNeeded"},
	{Trouble, "Trouble"},
}

// Snapshot is all that the tray and the window draw. It holds no secret.
type Snapshot struct {
	// Seq increases with every change; a change with a lower one is stale.
	Seq uint64 `json:"seq"`
	// Version of the agent.
	Version string `json:"version"`
	// Servers in the order of the settings; unnamed ones (`stdio --url`) that
	// are signed in or want a sign-in follow.
	Servers []Server `json:"servers"`
	// Demo is true when the built-in demo is installed.
	Demo bool `json:"demo"`
	// Problem is what keeps the agent as a whole from working (no keychain, a
	// damaged settings file), or nil.
	Problem *Problem `json:"problem"`
	// Preferences is how tray and window are to behave.
	Preferences *Preferences `json:"preferences,omitempty"`
}

// Server is one account of a server. A server has one row for each of its
// accounts, next to each other, its default one first.
type Server struct {
	// Key identifies the credential: stable, fit for a file name.
	Key string `json:"key"`
	// Name as in the settings; for an unnamed server its URL.
	Name    string `json:"name"`
	URL     string `json:"url"`
	Account string `json:"account"`
	// Label is how it is shown: the name alone where that says it, else the name
	// with the account in brackets.
	Label string `json:"label"`
	// Default is true for the account that counts when nobody names another.
	Default bool `json:"default"`
	Named   bool `json:"named"`

	State State `json:"state"`
	// Problem says in words why the state is not SignedIn, with a next step; nil
	// when there is nothing to say.
	Problem *Problem `json:"problem"`

	Identity Identity `json:"identity"`
	Issuer   string   `json:"issuer"`
	Scopes   []string `json:"scopes"`
	// IssuedAt and ExpiresAt belong to the access token; nil when unknown.
	IssuedAt  *time.Time `json:"issuedAt" ts_type:"string | null"`
	ExpiresAt *time.Time `json:"expiresAt" ts_type:"string | null"`
	// Renewable is true when there is a refresh token: expiry is then routine.
	Renewable bool `json:"renewable"`
	// RefreshedAt is when the access token was last renewed; nil when never.
	RefreshedAt *time.Time `json:"refreshedAt" ts_type:"string | null"`

	// Era is the version of MCP in which the server was spoken to last, Transport
	// how; "" while not known.
	Era       string `json:"era"`
	Transport string `json:"transport"`

	// Connection is how it is reached, as the person set it.
	Connection Connection `json:"connection"`

	// Registers is true when Drawbridge registers itself at the provider: nobody has
	// said which client it is.
	Registers bool `json:"registers"`

	// Kept is true when something of a sign-in may be in the keychain, whether it
	// still works or not: what signing out everywhere ends.
	Kept bool `json:"kept"`

	// SignIn is the sign-in under way, or nil.
	SignIn *SignIn `json:"signIn"`
}

// Identity is who is signed in, as far as the tokens say.
type Identity struct {
	Subject string `json:"subject"`
	Email   string `json:"email"`
	Name    string `json:"name"`
	// Tenant is the organisation that the person signed in for.
	Tenant string `json:"tenant"`
}

// SignIn is a sign-in in the browser. URL is the authorization URL: it holds a
// state and a code challenge, but nothing that lets anybody else finish it.
type SignIn struct {
	ID        string    `json:"id"`
	StartedAt time.Time `json:"startedAt" ts_type:"string"`
	// URL is empty until discovery and registration are done.
	URL string `json:"url"`
	// BrowserOpened is false when the person has to open URL.
	BrowserOpened bool `json:"browserOpened"`
	// OffersCode is true when the provider would let the person sign in with a Code.
	OffersCode bool `json:"offersCode,omitempty"`
	// Code is to be typed in at URL, on whatever device (RFC 8628); "" where the
	// browser comes back by itself. It is for the person's eyes only: see ADR 0016.
	Code string `json:"code,omitempty"`
	// EndsAt is when Code ends; nil without one.
	EndsAt *time.Time `json:"endsAt" ts_type:"string | null"`
	// QR is URL for a camera; nil without a Code.
	QR *QR `json:"qr"`
	// Done is true when it ended; Problem is then nil for success.
	Done    bool     `json:"done"`
	Problem *Problem `json:"problem"`
}

// QR is a QR code as an SVG draws it.
type QR struct {
	// Size is that of the square in modules, the light edge included.
	Size int `json:"size"`
	// Path covers the dark modules; its unit is one module.
	Path string `json:"path"`
}

// Problem is a fault.Error as it crosses the socket and the window's bindings.
type Problem struct {
	Code fault.Code `json:"code"`
	What string     `json:"what"`
	Next string     `json:"next"`
}

// ProblemOf is the public side of err, or nil for nil.
func ProblemOf(err error) *Problem {
	if err == nil {
		return nil
	}
	p := fault.Public(err)
	return &Problem{Code: p.Code, What: p.What, Next: p.Next}
}

// Err turns a Problem back into an error, or nil.
func (p *Problem) Err() error {
	if p == nil {
		return nil
	}
	return fault.New(p.Code, p.What, p.Next)
}

// Change is one line of the event stream: the first carries a Snapshot, each
// later one a Server that is new or different, the name of one that is Removed
// (its Key), or again a Snapshot when more than one server changed.
type Change struct {
	Seq      uint64    `json:"seq"`
	Snapshot *Snapshot `json:"snapshot,omitempty"`
	Server   *Server   `json:"server,omitempty"`
	Removed  string    `json:"removed,omitempty"`
	// Quit is true in the last line of an agent that was told to end: the
	// person quits Drawbridge, so who draws it ends too and starts no other agent.
	Quit bool `json:"quit,omitempty"`
}
