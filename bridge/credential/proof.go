package credential

import (
	"fmt"
	"net/http"
	"net/url"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
)

// proverFor makes the key that new tokens are bound to, or nil for bearer
// tokens: bound ones are asked for when both servers can do with them, or when
// the settings say so.
func (a *Account) proverFor(d oauth.Discovery) (*oauth.Prover, error) {
	switch a.server.OAuth.DPoP {
	case config.DPoPNever:
		return nil, nil
	case config.DPoPAlways:
		if len(d.Server.DPoPSigningAlgValuesSupported) == 0 {
			return nil, fault.New(fault.Unsupported, fmt.Sprintf("The authorization server %q does not say that it can bind tokens to a key (DPoP).", d.Server.Issuer),
				"Leave --dpop out, or ask whoever runs it.")
		}
	default:
		if !d.BindTokens {
			return nil, nil
		}
	}
	return oauth.NewProver()
}

// settle makes the key of the present record the one that requests are proven
// with. Call it with mu held whenever cur is set.
func (a *Account) settle() {
	a.quick.Store(nil)
	var p *oauth.Prover
	if a.cur != nil {
		p = a.cur.DPoP
	}
	was := a.prover.Load()
	if p != nil && was != nil && was.Thumbprint() == p.Thumbprint() {
		return // it knows the servers' nonces
	}
	a.prover.Store(p)
}

// Bound reports whether the account's tokens are bound to a key (RFC 9449).
func (a *Account) Bound() bool { return a.prover.Load() != nil }

// Proof is the DPoP header for a request with the token; "" when tokens are not
// bound.
func (a *Account) Proof(method string, target *url.URL, token secret.String) (string, error) {
	p := a.prover.Load()
	if p == nil {
		return "", nil
	}
	return p.Proof(method, target, token, a.m.now())
}

// Answered keeps the nonce of an answer and reports whether the server wants the
// same request again with it (RFC 9449 §9).
func (a *Account) Answered(target *url.URL, status int, header http.Header) bool {
	p := a.prover.Load()
	return p != nil && status != http.StatusBadRequest && p.Note(target, status, header, "")
}
