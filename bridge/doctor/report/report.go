// Package report is what `drawbridge doctor` finds, as data: it crosses the
// agent's socket and reaches the window. It holds no secret and must not know
// how anything is found out.
package report

import "time"

// Status is the verdict of a line. It is shown by word, shape and colour.
type Status string

// The verdicts.
const (
	// OK is green: as the specification has it.
	OK Status = "ok"
	// Warn is amber: it works, but not as it should, or with less than it could.
	Warn Status = "warning"
	// Fail is red: a sign-in or a call comes to nothing here.
	Fail Status = "failed"
	// Skipped was not tried; Got says why.
	Skipped Status = "skipped"
)

// AllStatuses lists the verdicts for the window's bindings.
var AllStatuses = []struct {
	Value  Status
	TSName string
}{{OK, "OK"}, {Warn, "Warn"}, {Fail, "Fail"}, {Skipped, "Skipped"}}

// Section is a stage of the walk.
type Section string

// The stages, in order.
const (
	Server        Section = "server"
	Resource      Section = "resource"
	Issuer        Section = "issuer"
	Registration  Section = "registration"
	Authorization Section = "authorization"
	MCP           Section = "mcp"
)

// Sections lists the stages in order, with the words for them.
var Sections = []struct {
	Section Section
	Title   string
}{
	{Server, "The server without a sign-in"},
	{Resource, "What the server says about itself"},
	{Issuer, "What its authorization server says about itself"},
	{Registration, "How Drawbridge becomes known there"},
	{Authorization, "Signing in"},
	{MCP, "The first request with a sign-in"},
}

// Line is one clause: what a specification wants and what was received.
type Line struct {
	// ID is stable, for scripts: "issuer.pkce".
	ID      string  `json:"id"`
	Section Section `json:"section"`
	Status  Status  `json:"status"`
	// Title says what is asked for, in a few words.
	Title string `json:"title"`
	// Ref is the clause: "RFC 9728 §3.3", "MCP 2025-11-25, authorization".
	Ref string `json:"ref"`
	// Got is what was received, in the server's words where they are quoted.
	Got string `json:"got"`
	// Remedy says what to do; "" where nothing is to be done.
	Remedy string `json:"remedy,omitempty"`
	// Exchanges are the numbers, in the trace, of the requests that it rests on.
	Exchanges []int `json:"exchanges,omitempty"`
}

// Outcome is the report in one word, for scripts.
type Outcome string

// The outcomes.
const (
	// Healthy: nothing is red; what was not tried was not asked for.
	Healthy Outcome = "healthy"
	// NeedsSignIn: nothing is red, but somebody has to sign in.
	NeedsSignIn Outcome = "sign_in_needed"
	// Broken: a line is red.
	Broken Outcome = "broken"
	// Unreachable: a server does not answer, so that nothing can be said of it.
	Unreachable Outcome = "unreachable"
)

// Report is the whole walk.
type Report struct {
	// Name is the server's in the settings, "" for an address alone.
	Name    string `json:"name"`
	URL     string `json:"url"`
	Account string `json:"account,omitempty"`
	// Version of Drawbridge.
	Version   string    `json:"version"`
	StartedAt time.Time `json:"startedAt" ts_type:"string"`
	// Millis is how long it took.
	Millis  int64   `json:"millis"`
	Outcome Outcome `json:"outcome"`
	Lines   []Line  `json:"lines"`
	Found   Found   `json:"found"`
	// Trace is the HTTP traffic without secrets, as text; "" where nobody asked
	// for it. It may be cut at its end, and says so there.
	Trace string `json:"trace,omitempty"`
}

// Way is how Drawbridge becomes known to an authorization server.
type Way string

// The ways; "" where none was found out.
const (
	// ByDocument: by a document at an address (Client ID Metadata Documents).
	ByDocument Way = "document"
	// ByItself: it registers itself (RFC 7591).
	ByItself Way = "dynamic"
	// AsGiven: a person has given a client id.
	AsGiven Way = "given"
	// ByHand: a person has to register it and give the client id.
	ByHand Way = "by_hand"
)

// Found is what the walk has learned of a server, for who is about to add it.
// What servers say is cut to a bound and holds nothing that deceives the eye.
type Found struct {
	// Name is what the server calls itself, Provider what Drawbridge calls its
	// authorization server, if it knows it; "" where there is none.
	Name     string `json:"name"`
	Provider string `json:"provider"`
	// Issuer is the authorization server's identifier.
	Issuer       string `json:"issuer"`
	Registration Way    `json:"registration"`
	// RedirectURI is what to register by hand; its port stands for any (RFC 8252 §7.3).
	RedirectURI string `json:"redirectUri"`
	// Secret: a client that is registered by hand needs its secret, too.
	Secret bool `json:"secret"`
	// Scopes are those that a sign-in asks for.
	Scopes []string `json:"scopes"`
	// Open: the server asks for no sign-in.
	Open bool `json:"open"`
}

// Count is how many lines have a verdict.
func (r Report) Count(s Status) int {
	n := 0
	for _, l := range r.Lines {
		if l.Status == s {
			n++
		}
	}
	return n
}
