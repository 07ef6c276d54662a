package credential

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// State is what is known of a credential without asking anybody.
type State string

// The states of a credential. "" means that nothing is known.
const (
	SignedIn     State = "signed_in"
	SignedOut    State = "signed_out"
	SignInNeeded State = "sign_in_needed"
	// Open: the server was asked and wants nobody to sign in.
	Open State = "open"
)

// Facts is what may be shown of a credential: nothing in it is secret. Times
// are zero when unknown.
type Facts struct {
	Key     string `json:"key"`
	Account string `json:"account"`
	// Server as it was when the facts were written.
	Server config.Server `json:"server"`
	State  State         `json:"state"`

	Issuer   string   `json:"issuer,omitempty"`
	ClientID string   `json:"clientId,omitempty"`
	Scopes   []string `json:"scopes,omitempty"`
	Subject  string   `json:"subject,omitempty"`
	Email    string   `json:"email,omitempty"`
	Name     string   `json:"name,omitempty"`
	// Tenant is the organisation that the person signed in for.
	Tenant string `json:"tenant,omitempty"`

	// IssuedAt and ExpiresAt are of the access token.
	IssuedAt  time.Time `json:"issuedAt,omitzero"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// SignedInAt is when a person last signed in, RefreshedAt when the access
	// token was last renewed.
	SignedInAt  time.Time `json:"signedInAt,omitzero"`
	RefreshedAt time.Time `json:"refreshedAt,omitzero"`
	// Renewable is true when there is a refresh token.
	Renewable bool `json:"renewable,omitempty"`

	// Asked are the scopes that the sign-in asked for; Wanted those that the next
	// one asks for, since the server refused to do without (step-up); Declined is
	// Wanted as a person has said no to it. StepUps is when sign-ins asked for more.
	Asked    []string    `json:"asked,omitempty"`
	Wanted   []string    `json:"wanted,omitempty"`
	Declined []string    `json:"declined,omitempty"`
	StepUps  []time.Time `json:"stepUps,omitempty"`

	// ClientAt is where the client of the settings has got tokens; it outlives a
	// sign-out. nil without one.
	ClientAt *ClientAt `json:"clientAt,omitempty"`

	// Refusals counts the renewals in a row that were refused without an end to the
	// sign-in; TryAgainAt is when the next renewal is tried, at the earliest.
	Refusals   int       `json:"refusals,omitempty"`
	TryAgainAt time.Time `json:"tryAgainAt,omitzero"`

	// Challenge is what the server said when it wanted the sign-in that is needed.
	Challenge *Challenged `json:"challenge,omitempty"`

	// Problem is the last failure, or nil when the last attempt went well.
	Problem *Problem `json:"problem,omitempty"`
}

// Challenged is what counts of a server's challenge (RFC 6750 §3, RFC 9728 §5.1).
type Challenged struct {
	Scope            string `json:"scope,omitempty"`
	ResourceMetadata string `json:"resourceMetadata,omitempty"`
}

// Problem is a failure in words.
type Problem struct {
	Code fault.Code `json:"code"`
	What string     `json:"what"`
	Next string     `json:"next,omitempty"`
	At   time.Time  `json:"at"`
}

func problemOf(err error, at time.Time) *Problem {
	p := fault.Public(err)
	return &Problem{Code: p.Code, What: p.What, Next: p.Next, At: at}
}

func (a *Account) factsFile() string {
	return filepath.Join(a.m.paths.Accounts(), a.key+".json")
}

// Facts reads what is known of the credential. Facts about another server of
// the same name count as nothing known.
func (a *Account) Facts() (Facts, error) {
	f, err := readFacts(a.factsFile())
	if errors.Is(err, fs.ErrNotExist) || err == nil && f.Server.URL != a.server.URL {
		return Facts{Key: a.key, Account: a.account, Server: a.server}, nil
	}
	return f, err
}

// AllFacts reads what is known of every credential, in the order of their keys.
// A file that cannot be read does not hide the others: its error is joined.
func (m *Manager) AllFacts() ([]Facts, error) {
	entries, err := os.ReadDir(m.paths.Accounts())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Facts
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		f, readErr := readFacts(filepath.Join(m.paths.Accounts(), e.Name()))
		if errors.Is(readErr, fs.ErrNotExist) {
			continue // forgotten since the folder was read
		}
		if readErr != nil {
			err = errors.Join(err, readErr)
			continue
		}
		all = append(all, f)
	}
	return all, err
}

func readFacts(path string) (Facts, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Facts{}, fmt.Errorf("read facts: %w", err)
	}
	var f Facts
	if err := json.Unmarshal(raw, &f); err != nil {
		return Facts{}, fmt.Errorf("read facts %s: %w", path, err)
	}
	return f, nil
}

// note changes the facts on disk. Call it with the credential's lock held, so
// that two processes do not overwrite each other's.
func (a *Account) note(change func(*Facts)) error {
	f, err := a.Facts()
	if err != nil { // damaged: facts are rebuilt from what is known now
		a.m.log.Warn("facts replaced", "key", a.key, "error", err)
		f = Facts{}
	}
	f.Key, f.Account, f.Server = a.key, a.account, a.server
	change(&f)
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("write facts: %w", err)
	}
	if err := config.MakePrivate(a.m.paths.Accounts()); err != nil {
		return err
	}
	return config.WriteFile(a.factsFile(), append(raw, '\n'))
}

// noteRecord puts the record's public side into the facts.
func (f *Facts) noteRecord(r *record) {
	if f.State = SignedIn; len(f.Wanted) == 0 { // a renewal gives no more permission
		f.Problem = nil
	}
	f.Refusals, f.TryAgainAt = 0, time.Time{}
	f.Issuer, f.ClientID, f.Scopes = r.Issuer, r.Client.ClientID, r.Scopes
	f.IssuedAt, f.ExpiresAt, f.Renewable = r.IssuedAt, r.ExpiresAt, !r.Refresh.IsZero() || withoutPerson(r.Grant)
	who := identityOf(r)
	if who.Subject != "" {
		f.Subject = who.Subject
	}
	if who.Email != "" {
		f.Email = who.Email
	}
	if who.Name != "" {
		f.Name = who.Name
	}
	if who.Tenant != "" {
		f.Tenant = who.Tenant
	}
}
