package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"drawbridge/bridge/secret"
)

// ErrOpaque means that a token is not a signed JWT in compact form: only its
// issuer can say what it means.
var ErrOpaque = errors.New("token is opaque")

// maxToken is the size of a token in bytes beyond which none is decoded.
const maxToken = 256 << 10

// RawMember is one member of the header or the claims as it stands in the token.
type RawMember struct {
	Name  string
	Value json.RawMessage
}

// Decoded is a decoded token. Nothing in it is verified unless Verify returned
// it.
type Decoded struct {
	// Header and Claims in the order of the token. Of a repeated member the last
	// counts (RFC 7519 §4).
	Header, Claims []RawMember

	headerJSON, claimsJSON []byte
}

// DecodeUnverified decodes a token without checking anything about it. Its error
// is ErrOpaque and never quotes the token.
func DecodeUnverified(raw secret.String) (*Decoded, error) {
	header, claims, _, err := split(raw.Reveal())
	if err != nil {
		return nil, err
	}
	d := &Decoded{headerJSON: header, claimsJSON: claims}
	if d.Header, err = members(header); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrOpaque, err)
	}
	if d.headerText("alg") == "" {
		return nil, fmt.Errorf("%w: its header names no algorithm", ErrOpaque)
	}
	if d.Claims, err = members(claims); err != nil {
		return nil, fmt.Errorf("%w: claims: %w", ErrOpaque, err)
	}
	return d, nil
}

// split takes the compact form apart (RFC 7515 §7.1).
func split(raw string) (header, claims, signature []byte, err error) {
	if len(raw) > maxToken {
		return nil, nil, nil, fmt.Errorf("%w: over %d bytes long", ErrOpaque, maxToken)
	}
	parts := strings.SplitN(raw, ".", 6)
	switch {
	case len(parts) == 5:
		return nil, nil, nil, fmt.Errorf("%w: five parts, so perhaps it is encrypted", ErrOpaque)
	case len(parts) != 3:
		return nil, nil, nil, fmt.Errorf("%w: not three parts", ErrOpaque)
	}
	var decoded [3][]byte
	for i, part := range parts {
		// Strict: with loose padding bits one token would have many spellings.
		// The decoder's own leniency about line breaks is refused as well.
		if strings.ContainsAny(part, "\r\n") {
			return nil, nil, nil, fmt.Errorf("%w: part %d is not base64url", ErrOpaque, i+1)
		}
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return nil, nil, nil, fmt.Errorf("%w: part %d is not base64url", ErrOpaque, i+1)
		}
	}
	return decoded[0], decoded[1], decoded[2], nil
}

// members reads one JSON object in order.
func members(object []byte) ([]RawMember, error) {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	all := []RawMember{}
	at := map[string]int{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errors.New("not a JSON object")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errors.New("not a JSON object")
		}
		if i, twice := at[name]; twice {
			all[i].Value = value
			continue
		}
		at[name] = len(all)
		all = append(all, RawMember{name, value})
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than a JSON object")
	}
	return all, nil
}

func find(all []RawMember, name string) json.RawMessage {
	for _, m := range all {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func (d *Decoded) headerText(name string) string { return text(find(d.Header, name)) }

// Has reports whether there is a claim with the name.
func (d *Decoded) Has(name string) bool { return find(d.Claims, name) != nil }

// Text is a claim that is a string; "" when it is absent or something else.
func (d *Decoded) Text(name string) string { return text(find(d.Claims, name)) }

// List is a claim that is a list of strings or one string; nil when it is
// absent or something else.
func (d *Decoded) List(name string) []string {
	raw := find(d.Claims, name)
	var many []string
	if raw == nil || json.Unmarshal(raw, &many) == nil {
		return many
	}
	if one := text(raw); one != "" {
		return []string{one}
	}
	return nil
}

// Audience is the claim aud, which may be one string or a list (RFC 7519 §4.1.3).
func (d *Decoded) Audience() []string { return d.List("aud") }

// Scopes are those of scope (RFC 8693 §4.2) or, as Microsoft and Okta write it, scp.
func (d *Decoded) Scopes() []string {
	for _, name := range []string{"scope", "scp"} {
		var scopes []string
		for _, s := range d.List(name) {
			scopes = append(scopes, strings.Fields(s)...)
		}
		if scopes != nil {
			return scopes
		}
	}
	return nil
}

// Time is a claim that is a NumericDate (RFC 7519 §2), in UTC; the zero time when
// it is absent or not one.
func (d *Decoded) Time(name string) time.Time {
	t, _ := numericDate(find(d.Claims, name))
	return t
}

func numericDate(raw json.RawMessage) (time.Time, bool) {
	var seconds float64
	if raw == nil || string(raw) == "null" || json.Unmarshal(raw, &seconds) != nil {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	if whole < 0 || whole > 253402300799 { // the years 1970 to 9999, which RFC 3339 can write
		return time.Time{}, false
	}
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC(), true
}
