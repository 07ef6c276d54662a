package token

import "time"

// Report explains a token to a person. It holds decoded values only, never the
// token nor its signature, so it may be shown in the window.
type Report struct {
	// Format is "jwt" or "opaque". Of an opaque token nothing more is known.
	Format string `json:"format"`
	// Header and Claims in the order of the token.
	Header []Member `json:"header"`
	Claims []Member `json:"claims"`
	// HeaderJSON and ClaimsJSON are the decoded parts, indented.
	HeaderJSON string `json:"headerJson"`
	ClaimsJSON string `json:"claimsJson"`

	Issuer   string   `json:"issuer"`
	Subject  string   `json:"subject"`
	Audience []string `json:"audience"`
	Scopes   []string `json:"scopes"`
	// Times of the claims; nil when the claim is not there.
	IssuedAt  *time.Time `json:"issuedAt" ts_type:"string | null"`
	NotBefore *time.Time `json:"notBefore" ts_type:"string | null"`
	ExpiresAt *time.Time `json:"expiresAt" ts_type:"string | null"`

	// Signature is what checking the signature gave.
	Signature Signature `json:"signature"`
	// Checks are the claims compared with what was expected, in a fixed order.
	Checks []Check `json:"checks"`
}

// Member is one member of the header or the claims.
type Member struct {
	Name string `json:"name"`
	// Title is the registered name in words ("Audience"), or "" for an unregistered one.
	Title string `json:"title"`
	// Explanation says in a sentence what the member means; "" for an unregistered one.
	Explanation string `json:"explanation"`
	// Kind is "time", "text", "list", "number", "bool" or "json".
	Kind string `json:"kind"`
	// Value is text: the string itself, list items joined by a space, a time
	// in RFC 3339 (UTC), or compact JSON.
	Value string `json:"value"`
}

// Signature is the verdict on a token's signature.
type Signature struct {
	// Verdict is "valid", "invalid" or "unchecked".
	Verdict   string `json:"verdict"`
	Algorithm string `json:"algorithm"`
	KeyID     string `json:"keyId"`
	// Reason says in a sentence why, for "invalid" and "unchecked".
	Reason string `json:"reason"`
}

// Check is one comparison: the issuer, the audience, the times.
type Check struct {
	// Name is the claim's: "iss", "aud", "exp", "nbf".
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Text says in a sentence what was found.
	Text string `json:"text"`
}
