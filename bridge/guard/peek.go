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
	crit     bool // the header demands an extension
}

// NewPeek looks at a credential.
func NewPeek(credential string) Peek {
	p := Peek{credential: credential}
	if strings.Count(credential, ".") != 2 || strings.HasPrefix(credential, keyPrefix) {
		return p
	}
	var head struct {
		Alg  string          `json:"alg"`
		Kid  string          `json:"kid"`
		Crit json.RawMessage `json:"crit"`
	}
	first, _, _ := strings.Cut(credential, ".")
	if decodePart(first, &head) != nil || head.Alg == "" {
		return p
	}
	p.IsJWT, p.Alg, p.Kid, p.crit = true, head.Alg, head.Kid, head.Crit != nil
	return p
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
