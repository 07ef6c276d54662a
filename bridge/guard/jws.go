package guard

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// jws is a JWT taken apart, with claims that nothing has verified yet. Each part
// is decoded once: a parser that does not know what NewPeek has read does it
// again, and that is half of what a token costs.
type jws struct {
	claims jwt.MapClaims
	signed string // header and payload, as they were signed
	sig    []byte
}

// takeApart decodes a token. Its error wraps jwt.ErrTokenMalformed.
func (p Peek) takeApart() (jws, error) {
	bad := func(what string) (jws, error) { return jws{}, fmt.Errorf("%w: %s", jwt.ErrTokenMalformed, what) }
	if p.crit { // RFC 7515 §4.1.11: we understand no extension
		return jws{}, fmt.Errorf("%w: the header demands an extension (crit)", jwt.ErrTokenUnverifiable)
	}
	end := strings.LastIndexByte(p.credential, '.')
	j := jws{signed: p.credential[:end], claims: jwt.MapClaims{}}
	strict := base64.RawURLEncoding.Strict()
	var err error
	if j.sig, err = strict.DecodeString(p.credential[end+1:]); err != nil {
		return bad("signature")
	}
	payload, err := strict.DecodeString(j.signed[strings.IndexByte(j.signed, '.')+1:])
	if err != nil {
		return bad("payload")
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	if err := d.Decode(&j.claims); err != nil || j.claims == nil || d.More() {
		return bad("claims")
	}
	return j, nil
}

// signedBy reports whether one of the keys made the signature. The caller has
// seen to it that they are of the kind that the algorithm wants.
func (j jws) signedBy(alg string, keys ...any) error {
	method := jwt.GetSigningMethod(alg)
	if method == nil {
		return errAlgorithm
	}
	for _, key := range keys {
		if method.Verify(j.signed, j.sig, key) == nil {
			return nil
		}
	}
	return jwt.ErrTokenSignatureInvalid
}
