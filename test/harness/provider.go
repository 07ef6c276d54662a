package harness

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ProviderOptions set up the identity provider.
type ProviderOptions struct {
	// AccessTTL is the lifetime of access tokens, whole seconds; 60 s when 0.
	AccessTTL time.Duration
	// Grace is how long a refresh token that was used is good once more.
	Grace time.Duration
	// Opaque makes access tokens that are no JWTs, to be asked about (RFC 7662).
	Opaque bool
	// DPoP has it bind tokens to a key, with nonces (RFC 9449).
	DPoP bool
	// Client is the only client that there is, by the members of RFC 7591; nil: all
	// register themselves.
	Client map[string]any
	// Seed is of the faults that strike by dice.
	Seed int64
}

// Provider is npm's oidc-provider as an MCP authorization server.
type Provider struct {
	backdoor
	// Issuer is its issuer identifier.
	Issuer string

	opaque bool // its tokens are no JWTs
}

// ProviderCounts is what happened there, by the provider's own count.
type ProviderCounts struct {
	Authorizations  int            `json:"authorizations"` // browsers that came to its front door
	SignIns         int            `json:"signIns"`        // that ended with a code
	Refusals        int            `json:"refusals"`       // that ended with an error
	Registrations   int            `json:"registrations"`
	TokenRequests   map[string]int `json:"tokenRequests"` // by grant type
	TokensIssued    map[string]int `json:"tokensIssued"`  // by grant type
	Refreshes       int            `json:"refreshes"`     // that succeeded
	WithoutResource int            `json:"withoutResource"`
	WithoutPKCE     int            `json:"withoutPKCE"`
	Reuses          int            `json:"reuses"` // refresh tokens used twice
	GrantsRevoked   int            `json:"grantsRevoked"`
	LiveGrants      int            `json:"liveGrants"`
	Revocations     int            `json:"revocations"` // requests to the revocation endpoint
	Unavailable     int            `json:"unavailable"`
	Lost            int            `json:"lost"`    // answers thrown away by order
	Dropped         int            `json:"dropped"` // requests thrown away by order
	Late            int            `json:"late"`    // answers held back by order
	Graced          int            `json:"graced"`  // used refresh tokens that were good once more
	RefreshLog      []Refresh      `json:"refreshLog"`
	Errors          []ProviderError
}

// Refresh is one refresh request and what became of it. Tokens are digests;
// times are milliseconds since 1970 by the clock of this machine.
type Refresh struct {
	N       int    `json:"n"`
	Token   string `json:"token"`   // the refresh token that was sent
	Issued  string `json:"issued"`  // the one that was issued for it
	Port    int    `json:"port"`    // of the sender's connection
	Outcome string `json:"outcome"` // ok, an OAuth error code, or "" when the provider did not act
	At      int64  `json:"at"`      // the request was there
	Decided int64  `json:"decided"` // the provider had acted
	Over    int64  `json:"over"`    // the answer had left, or the connection was gone
	// Delivered is whether all of the answer was taken by the connection.
	Delivered bool `json:"delivered"`
	// What was done to it by order.
	Dropped, Unavailable, Lost, Late, Graced bool
}

// ProviderError is a request that the provider answered with an error.
type ProviderError struct {
	Where, Error, Description, Detail string
}

// StartProvider starts the identity provider; the test ends it.
func (r *Rig) StartProvider(o ProviderOptions) *Provider {
	r.t.Helper()
	if o.AccessTTL == 0 {
		o.AccessTTL = time.Minute
	}
	var facts struct{ Issuer string }
	args := []string{
		"--ttl", strconv.Itoa(int(o.AccessTTL.Seconds())),
		"--grace", strconv.Itoa(int(o.Grace.Seconds())),
		"--seed", strconv.FormatInt(max(o.Seed, 1), 10),
	}
	if o.Opaque {
		args = append(args, "--opaque")
	}
	if o.DPoP {
		args = append(args, "--dpop")
	}
	if o.Client != nil {
		client, err := json.Marshal(o.Client)
		if err != nil {
			r.t.Fatal(err)
		}
		args = append(args, "--client", string(client))
	}
	p := startNode(r.t, &facts, "provider.mjs", args...)
	r.record.part(p)
	return &Provider{backdoor: backdoor{r.t, facts.Issuer}, Issuer: facts.Issuer, opaque: o.Opaque}
}

// Counts asks the provider what happened.
func (p *Provider) Counts() ProviderCounts {
	p.t.Helper()
	var counts ProviderCounts
	p.ask(http.MethodGet, "/__counts", nil, &counts)
	return counts
}

// GateOptions set up the protected MCP server.
type GateOptions struct {
	// Hint is where its metadata is found: "challenge" (the default),
	// "well-known" or "root".
	Hint string
	// DPoP has it take tokens that are bound to a key only, each request with a
	// proof and the gate's nonce (RFC 9449).
	DPoP bool
}

// Gate is the real server-everything behind a gate that wants a token.
type Gate struct {
	backdoor
	// URL is the address of the MCP server, which is also its resource identifier.
	URL string
	// Upstream is server-everything itself, with no gate before it.
	Upstream string
}

// GateCounts is what reached the gate.
type GateCounts struct {
	Requests    int            `json:"requests"`
	Passed      int            `json:"passed"`
	ByVerb      map[string]int `json:"byVerb"`   // of the passed ones: POST, GET, DELETE
	ByMethod    map[string]int `json:"byMethod"` // of the passed ones: JSON-RPC methods
	ByTool      map[string]int `json:"byTool"`
	Calls       []EchoCall     `json:"calls"`   // of echo, the last thousand
	Refused     map[string]int `json:"refused"` // missing, expired, invalid, denied, scope, proof
	Metadata    int            `json:"metadata"`
	OpenStreams int            `json:"openStreams"`
	Held        int            `json:"held"` // that wait for the order "release"
	Proofs      ProofCounts    `json:"proofs"`
}

// ProofCounts is what came to a gate that wants proofs.
type ProofCounts struct {
	Keys   int `json:"keys"`   // different ones
	Proofs int `json:"proofs"` // good ones
	Asked  int `json:"asked"`  // requests that were sent back for the nonce
}

// EchoCall is a call of echo as the gate saw it.
type EchoCall struct {
	Subject string `json:"subject"` // whose token came with it
	Message string `json:"message"`
}

// StartGate starts server-everything and the gate; the test ends both.
func (r *Rig) StartGate(p *Provider, o GateOptions) *Gate {
	r.t.Helper()
	args := []string{"--issuer", p.Issuer}
	if o.Hint != "" {
		args = append(args, "--hint", o.Hint)
	}
	if p.opaque {
		args = append(args, "--opaque")
	}
	if o.DPoP {
		args = append(args, "--dpop")
	}
	var facts struct{ URL, Upstream string }
	started := startNode(r.t, &facts, "gate.mjs", args...)
	r.record.part(started)
	base, err := url.Parse(facts.URL)
	if err != nil {
		r.t.Fatalf("the gate's address: %v", err)
	}
	if p.opaque {
		p.Order(map[string]any{"do": "resource", "url": facts.URL})
	}
	return &Gate{backdoor: backdoor{r.t, base.Scheme + "://" + base.Host}, URL: facts.URL, Upstream: facts.Upstream}
}

// Counts asks the gate what reached it.
func (g *Gate) Counts() GateCounts {
	g.t.Helper()
	var counts GateCounts
	g.ask(http.MethodGet, "/__counts", nil, &counts)
	return counts
}
