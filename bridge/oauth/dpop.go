package oauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawbridge/bridge/secret"
)

// ProofAlg is how proofs are signed: the one that every server has.
const ProofAlg = "ES256"

// maxNonce bounds what a server can have put into our proofs, in bytes;
// maxNonces for how many origins one is kept.
const (
	maxNonce  = 1024
	maxNonces = 16
)

// Prover shows that a token is in the right hands (RFC 9449, DPoP): it has the
// key that tokens are bound to and signs a proof for each request. It remembers
// the nonces that servers ask for, one for each origin (§8.2). It is safe for
// concurrent use; nil proves nothing.
type Prover struct {
	key        *ecdsa.PrivateKey
	jwk        map[string]string
	thumbprint string

	mu     sync.Mutex
	nonces map[string]string // by origin
}

// NewProver makes a key.
func NewProver() (*Prover, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a DPoP key: %w", err)
	}
	return newProver(key)
}

// OpenProver is the reverse of Seal.
func OpenProver(sealed secret.String) (*Prover, error) {
	damaged := errors.New("the stored DPoP key is damaged") // never the cause: it may quote the key
	raw, err := base64.StdEncoding.DecodeString(sealed.Reveal())
	if err != nil {
		return nil, damaged
	}
	parsed, err := x509.ParsePKCS8PrivateKey(raw)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, damaged
	}
	return newProver(key)
}

func newProver(key *ecdsa.PrivateKey) (*Prover, error) {
	point, err := key.PublicKey.Bytes() // 4, X, Y (SEC 1 §2.3.3)
	if err != nil {
		return nil, fmt.Errorf("read a DPoP key: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	half := (len(point) - 1) / 2
	x, y := encode(point[1:1+half]), encode(point[1+half:])
	// RFC 7638 §3: the members in this order, without spaces.
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`))
	return &Prover{
		key: key, jwk: map[string]string{"kty": "EC", "crv": "P-256", "x": x, "y": y},
		thumbprint: encode(sum[:]), nonces: map[string]string{},
	}, nil
}

// Seal is the key for the vault.
func (p *Prover) Seal() (secret.String, error) {
	raw, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return secret.String{}, fmt.Errorf("seal a DPoP key: %w", err)
	}
	return secret.New(base64.StdEncoding.EncodeToString(raw)), nil
}

// Thumbprint names the key: dpop_jkt of an authorization request (RFC 9449
// §10), cnf.jkt of a token (§6.1).
func (p *Prover) Thumbprint() string { return p.thumbprint }

// Proof is the DPoP header for one request (RFC 9449 §4.2). access is the token
// that goes with it; empty at a token endpoint.
func (p *Prover) Proof(method string, target *url.URL, access secret.String, now time.Time) (string, error) {
	claims := jwt.MapClaims{"jti": rand.Text(), "htm": method, "htu": htu(target), "iat": now.Unix()}
	if !access.IsZero() {
		sum := sha256.Sum256([]byte(access.Reveal()))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if nonce := p.nonce(target); nonce != "" {
		claims["nonce"] = nonce
	}
	t := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	t.Header["typ"] = "dpop+jwt"
	t.Header["jwk"] = p.jwk
	signed, err := t.SignedString(p.key)
	if err != nil {
		return "", fmt.Errorf("sign a DPoP proof: %w", err)
	}
	return signed, nil
}

// htu is the address as a proof names it: without query and fragment.
func htu(u *url.URL) string {
	c := url.URL{Scheme: strings.ToLower(u.Scheme), Host: strings.ToLower(u.Host), Path: u.Path, RawPath: u.RawPath}
	if c.Path == "" {
		c.Path = "/"
	}
	return c.String()
}

// Note keeps the nonce of an answer for the next proof to that origin, and
// reports whether the answer asks for the same request again with it (RFC 9449
// §8, §9): it has then not been processed. It says so also of a nonce that it
// knows: of many requests at once, all with the old one, the first answer brings
// the new. How often a request is sent again is for who sends it.
func (p *Prover) Note(target *url.URL, status int, header http.Header, code string) (again bool) {
	nonce := header.Get("DPoP-Nonce")
	if nonce == "" || len(nonce) > maxNonce || !headerSafe(nonce) {
		return false
	}
	p.mu.Lock()
	where := origin(target)
	if _, there := p.nonces[where]; !there && len(p.nonces) >= maxNonces {
		clear(p.nonces) // they are only handed out anew
	}
	p.nonces[where] = nonce
	p.mu.Unlock()
	if status != http.StatusUnauthorized && status != http.StatusBadRequest {
		return false
	}
	return code == useNonce || asksForNonce(header)
}

// useNonce is the error code of RFC 9449 §8 and §9.
const useNonce = "use_dpop_nonce"

func asksForNonce(header http.Header) bool {
	for _, c := range ParseChallenges(header.Values("WWW-Authenticate")) {
		if c.Error == useNonce {
			return true
		}
	}
	return false
}

func (p *Prover) nonce(target *url.URL) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.nonces[origin(target)]
}
