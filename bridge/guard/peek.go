package guard

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// Peek is a credential and what it says of itself, unverified: enough to choose
// the mode that verifies it.
type Peek struct {
	credential string
	// IsJWT says that it has the form of a JWS in compact form (RFC 7515 §7.1).
	IsJWT bool
	// Alg and Kid are those of a JWT.
	Alg, Kid string
}

// NewPeek looks at a credential.
func NewPeek(credential string) Peek {
	p := Peek{credential: credential}
	parts := strings.Split(credential, ".")
	if len(parts) != 3 || strings.HasPrefix(credential, keyPrefix) {
		return p
	}
	var head struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	}
	if decodePart(parts[0], &head) != nil || head.Alg == "" {
		return p
	}
	p.IsJWT, p.Alg, p.Kid = true, head.Alg, head.Kid
	return p
}

// issuer is the one that the token names, unverified; "" when it names none.
func (p Peek) issuer() string {
	_, rest, _ := strings.Cut(p.credential, ".")
	body, _, _ := strings.Cut(rest, ".")
	var claims struct {
		Issuer string `json:"iss"`
	}
	if decodePart(body, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

// String keeps the credential out of logs.
func (p Peek) String() string { return "[redacted]" }

// GoString keeps it out of %#v.
func (p Peek) GoString() string { return "[redacted]" }

func decodePart(part string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}
