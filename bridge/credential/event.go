package credential

// Event is something that became of a sign-in, for a record of who did what. It
// holds no secret.
type Event struct {
	// Kind is EventSignedIn, EventRefreshed or EventRevoked.
	Kind string
	// Server is the server's name, or its URL when it has none.
	Server, Account string
	// Subject and Email are whose sign-in it is, if that is known.
	Subject, Email string
	// Note says what is special about it; "" for nothing.
	Note string
}

// The kinds of an Event.
const (
	// EventSignedIn: somebody signed in, or a grant without a person gave its first
	// token.
	EventSignedIn = "signed_in"
	// EventRefreshed: the tokens were renewed.
	EventRefreshed = "refreshed"
	// EventRevoked: the tokens were deleted here, and revoked unless Note says
	// otherwise.
	EventRevoked = "revoked"
)

// tell tells of an event. r are the tokens that it is about.
func (a *Account) tell(kind string, r *record, note string) {
	if a.m.heard == nil {
		return
	}
	e := Event{Kind: kind, Server: a.server.Name, Account: a.account, Note: note}
	if e.Server == "" {
		e.Server = a.server.URL
	}
	if r != nil {
		who := identityOf(r)
		e.Subject, e.Email = who.Subject, who.Email
	}
	a.m.heard(e)
}
