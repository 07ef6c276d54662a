package token

import (
	"errors"
	"strings"

	"drawbridge/bridge/secret"
)

// MaxText is the longest text that FromText takes, in bytes.
const MaxText = 1 << 20

var (
	// ErrNoText means that a text is empty.
	ErrNoText = errors.New("no token")
	// ErrNotOne means that a text is something else than one token.
	ErrNotOne = errors.New("not one token")
)

// FromText finds the token in a text that a person copied: blanks around it, the
// name of the header and the word Bearer (RFC 6750 §2.1) are taken off. It fails
// with ErrNoText or ErrNotOne.
func FromText(text string) (secret.String, error) {
	if len(text) > MaxText {
		return secret.String{}, ErrNotOne
	}
	text = strings.TrimSpace(text)
	for _, prefix := range []string{"Authorization:", "Bearer "} {
		if len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
			text = strings.TrimSpace(text[len(prefix):])
		}
	}
	switch {
	case text == "":
		return secret.String{}, ErrNoText
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return secret.String{}, ErrNotOne
	}
	return secret.New(text), nil
}
