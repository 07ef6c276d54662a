package guard

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"
)

// keyPrefix opens every API key, so that it is told from a token at a glance and
// found by secret scanners.
const keyPrefix = "dbk_"

// APIKey is what is kept of a generated key: all but the key.
type APIKey struct {
	// ID is the first part of the key; it is not secret.
	ID string `json:"id"`
	// Client is who it was made for.
	Client string `json:"client"`
	// Hash is the SHA-256 of the whole key, in hex. The key has 256 random bits,
	// so there is nothing that a slow hash would protect.
	Hash string `json:"hash"`
	// Servers and Tools are patterns of what it opens; empty means all.
	Servers []string `json:"servers,omitempty"`
	Tools   []string `json:"tools,omitempty"`
	// Roles are for the policy.
	Roles   []string  `json:"roles,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	// Revoked is when it was; zero while it counts.
	Revoked time.Time `json:"revoked,omitzero"`
}

// NewAPIKey makes a key. The text is shown once and kept nowhere.
func NewAPIKey(k APIKey, now time.Time) (APIKey, string) {
	var bits [32]byte
	_, _ = rand.Read(bits[:]) // it never fails
	k.ID = strings.ToLower(rand.Text()[:10])
	text := keyPrefix + k.ID + "_" + base64.RawURLEncoding.EncodeToString(bits[:])
	k.Hash = hash(text).String()
	k.Created, k.Revoked = now, time.Time{}
	return k, text
}

// KeyStore gives the keys that were made.
type KeyStore interface {
	// Find returns the key with the id.
	Find(ctx context.Context, id string) (APIKey, bool, error)
}

// APIKeys verifies API keys.
type APIKeys struct {
	store KeyStore
	now   func() time.Time
}

// NewAPIKeys makes the mode.
func NewAPIKeys(store KeyStore, now func() time.Time) *APIKeys {
	if now == nil {
		now = time.Now
	}
	return &APIKeys{store: store, now: now}
}

// Name implements Mode.
func (a *APIKeys) Name() string { return "api-key" }

// Takes implements Mode.
func (a *APIKeys) Takes(p Peek) bool { return strings.HasPrefix(p.credential, keyPrefix) }

// Verify implements Mode. All failures of an unknown or a wrong key look the same.
func (a *APIKeys) Verify(ctx context.Context, p Peek) (*Identity, error) {
	id, _, _ := strings.Cut(strings.TrimPrefix(p.credential, keyPrefix), "_")
	k, known, err := a.store.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	given := hash(p.credential).String()
	if subtle.ConstantTimeCompare([]byte(given), []byte(k.Hash)) != 1 || !known {
		return nil, invalid("the API key is unknown", WrongSignature)
	}
	who := &Identity{
		Mode: a.Name(), Subject: k.Client, Client: k.Client, ID: k.ID, Roles: k.Roles, Expires: k.Expires,
	}
	if len(k.Servers) > 0 {
		who.Servers = k.Servers
	}
	if len(k.Tools) > 0 {
		who.Tools = k.Tools
	}
	switch now := a.now(); {
	case !k.Revoked.IsZero():
		return who, invalid("the API key has been revoked", Revoked)
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return who, invalid("the API key has expired", Expired)
	}
	return who, nil
}
