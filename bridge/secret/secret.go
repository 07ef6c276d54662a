// Package secret holds a string that prints as [redacted].
//
// Every token, client secret, authorization code and code verifier in
// Drawbridge is a secret.String from the moment it is read until the moment it
// is sent. It must not know what the secret is for.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// redacted is what every way of printing a String shows.
const redacted = "[redacted]"

// String is a secret value. Its zero value is the empty secret. No way of
// printing, logging or encoding it shows the value; Reveal does. Compare two
// with Equal, not with ==.
//
// The value stands behind a pointer because fmt reaches into unexported fields
// of other structs without asking their methods: it then prints an address.
type String struct{ value *string }

// New wraps value.
func New(value string) String {
	if value == "" {
		return String{}
	}
	return String{&value}
}

// Reveal returns the value itself. Call it only where the value is sent to the
// party it is for, or written to the vault.
func (s String) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether the secret is empty.
func (s String) IsZero() bool { return s.value == nil }

// Equal compares two secrets in constant time for equal lengths.
func (s String) Equal(other String) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String implements fmt.Stringer without the value.
func (s String) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// GoString implements fmt.GoStringer without the value.
func (s String) GoString() string { return "secret.String(" + s.String() + ")" }

// Format implements fmt.Formatter, so that no verb reaches the value.
func (s String) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('#') {
		_, _ = f.Write([]byte(s.GoString()))
		return
	}
	_, _ = f.Write([]byte(s.String()))
}

// LogValue implements slog.LogValuer without the value.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler without the value; it also
// governs JSON. A record that must keep the value reveals it field by field.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: a secret can be read from
// JSON, only never written to it.
func (s *String) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}
