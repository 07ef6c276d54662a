package token

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/secret"
)

// Why Verify refuses a token. Each error of Verify wraps exactly one of them, or
// ErrOpaque; the signature is looked at before the claims.
var (
	ErrSignature   = errors.New("token signature does not fit")
	ErrAlgorithm   = errors.New("token algorithm is not allowed")
	ErrIssuer      = errors.New("token has another issuer")
	ErrAudience    = errors.New("token is for another audience")
	ErrExpired     = errors.New("token has expired")
	ErrNotYetValid = errors.New("token is not valid yet")
	// ErrKeys means that the key set could not be fetched: the token may be good.
	ErrKeys = errors.New("key set is not available")

	// errNoSuchKey comes with ErrSignature.
	errNoSuchKey = errors.New("no published key has its key id")
)

const (
	keysTimeout = 10 * time.Second
	maxKeys     = 1 << 20 // bytes
	minRSA      = 2048    // bits, RFC 7518 §3.3
)

// Policy is what a token is compared with.
type Policy struct {
	// Issuer must equal iss, byte for byte. Empty: not checked.
	Issuer string
	// JWKSURI is where the issuer publishes its keys (RFC 7517): https, or http
	// to loopback.
	JWKSURI string
	// Audience: one of them must be in aud. Empty: not checked.
	Audience []string
	// Algorithms that are allowed; nil: RS, PS and ES 256 to 512 and EdDSA. None
	// of them is symmetric: the published key must never become a shared secret.
	Algorithms []string
	// Leeway is allowed for clocks that differ.
	Leeway time.Duration
	// HTTP fetches the keys; nil means http.DefaultClient. Its transport decides
	// which addresses may be reached.
	HTTP *http.Client
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

var asymmetric = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

func (p Policy) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}

// Verify decodes a token and checks its signature against the issuer's published
// keys, then issuer, audience, expiry (which must be there) and start. The error
// says why not and never quotes the token.
func Verify(ctx context.Context, raw secret.String, p Policy) (*Decoded, error) {
	d, err := DecodeUnverified(raw)
	if err != nil {
		return nil, err
	}
	if err := verifySignature(ctx, raw, d, p); err != nil {
		return nil, err
	}
	for _, c := range compare(d, p) {
		if c.err != nil {
			return nil, fmt.Errorf("verify token: %w", c.err)
		}
	}
	return d, nil
}

func verifySignature(ctx context.Context, raw secret.String, d *Decoded, p Policy) error {
	allowed := p.Algorithms
	if allowed == nil {
		allowed = asymmetric
	}
	if alg := d.headerText("alg"); !slices.Contains(allowed, alg) {
		return fmt.Errorf("verify token: %w: %q", ErrAlgorithm, alg)
	}
	if find(d.Header, "crit") != nil { // RFC 7515 §4.1.11: we understand no extension
		return fmt.Errorf("verify token: %w: its header demands an extension (crit)", ErrAlgorithm)
	}
	keys, err := fetchKeys(ctx, p)
	if err != nil {
		return fmt.Errorf("verify token: %w: %w", ErrKeys, err)
	}
	parser := jwt.NewParser(jwt.WithValidMethods(allowed), jwt.WithoutClaimsValidation(), jwt.WithStrictDecoding(), jwt.WithJSONNumber())
	_, err = parser.Parse(raw.Reveal(), keys.KeyfuncCtx(ctx))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jwkset.ErrKeyNotFound):
		return fmt.Errorf("verify token: %w: %w", ErrSignature, errNoSuchKey)
	}
	return fmt.Errorf("verify token: %w", ErrSignature) // not err: it may quote the token
}

// fetchKeys gets the key set once. Keys that cannot check a signature (for
// encryption, symmetric, too short, of an unknown type) are left out: one of
// them must not spoil the set.
func fetchKeys(ctx context.Context, p Policy) (keyfunc.Keyfunc, error) {
	if err := checkKeysURL(p.JWKSURI); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.JWKSURI, nil)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	client := p.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeys+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("fetch keys: %w", err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("fetch keys: HTTP %d", resp.StatusCode)
	case len(body) > maxKeys:
		return nil, fmt.Errorf("fetch keys: over %d bytes", maxKeys)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, errors.New("fetch keys: not a JSON key set")
	}
	var keys []jwkset.JWK
	for _, raw := range set.Keys {
		key, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{SkipAll: true})
		if err != nil || key.Marshal().USE == jwkset.UseEnc {
			continue
		}
		if k, ok := key.Key().(*rsa.PublicKey); ok && k.N.BitLen() < minRSA {
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("fetch keys: none that can check a signature")
	}
	store := jwkset.NewMemoryStorage()
	if err := store.KeyReplaceAll(ctx, keys); err != nil {
		return nil, fmt.Errorf("keep keys: %w", err)
	}
	return keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: store})
}

func checkKeysURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return errors.New("the issuer publishes none")
	case err != nil || u.Hostname() == "":
		return errors.New("their address is not a URL")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http":
		ip, err := netip.ParseAddr(u.Hostname())
		if strings.EqualFold(u.Hostname(), "localhost") || (err == nil && ip.IsLoopback()) {
			return nil
		}
	}
	return errors.New("their address is not https")
}
