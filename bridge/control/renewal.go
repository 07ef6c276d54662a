package control

import (
	"slices"
	"time"
)

// Renewal is how one access token gives way to the next: when that was expected,
// and when it came. It holds no secret.
type Renewal struct {
	// ID is the agent's, for as long as it lives; it increases.
	ID uint64 `json:"id"`
	// Key is the credential's, as in Server.Key; Label as there.
	Key   string `json:"key"`
	Label string `json:"label"`
	// Expires is the end of the token that is to be renewed; nil: unknown.
	Expires *time.Time `json:"expires" ts_type:"string | null"`
	// Due is when the agent means to renew it; nil when it leaves that to whoever
	// uses it next, as with tokens that live for less than a minute.
	Due *time.Time `json:"due" ts_type:"string | null"`
	// Done is when the next token came; nil as long as it has not.
	Done *time.Time `json:"done" ts_type:"string | null"`
	// By is who brought it: "agent", "client" (another process of ours) or "person"
	// (a sign-in); "" before.
	By string `json:"by"`
	// Failures counts the agent's attempts that came to nothing, and LastFailure
	// says why the last one did.
	Failures    int    `json:"failures"`
	LastFailure string `json:"lastFailure"`
}

// Who brings a token.
const (
	RenewedByAgent  = "agent"
	RenewedByClient = "client"
	RenewedByPerson = "person"
)

// SetRenewals replaces what is known of renewals, oldest first. The agent's own
// account of them is the only source.
func (a *Activity) SetRenewals(all []Renewal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.renewals = slices.Clone(all)
	a.renewed++
	a.touch(false)
}

// Renewals returns what SetRenewals set.
func (a *Activity) Renewals() []Renewal {
	change, _, _, _ := a.look(^uint64(0), unseen, 0)
	return change.Renewals
}
