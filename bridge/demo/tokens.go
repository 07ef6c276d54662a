package demo

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Grant types of the token endpoint.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

// verifierForm is what a code verifier looks like (RFC 7636 §4.1).
var verifierForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// tokenAnswer is RFC 6749 §5.1 with the ID token of OpenID Connect Core §3.1.3.3.
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
	IDToken      string `json:"id_token,omitempty"`
}

// token is the token endpoint (RFC 6749 §3.2).
func (d *Demo) token(w http.ResponseWriter, r *http.Request) {
	d.counts.tokenRequests.Add(1)
	form, err := readForm(w, r)
	if err != nil {
		writeError(w, err)
		return
	}
	cl, err := d.authenticate(r, form)
	if err != nil {
		writeError(w, err)
		return
	}
	var got issued
	var reused bool
	grantType := form.Get("grant_type")
	switch grantType {
	case grantCode:
		got, reused, err = d.exchangeCode(cl, form)
	case grantRefresh:
		got, reused, err = d.exchangeRefresh(cl, form)
	case "":
		err = refuse("invalid_request", "grant_type is missing")
	default:
		err = refuse("unsupported_grant_type", "only authorization_code and refresh_token are supported")
	}
	if reused {
		d.counts.reuses.Add(1)
		d.cfg.Log.Warn("a spent code or refresh token was shown again", "client", cl.id, "grant_type", grantType)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	if grantType == grantRefresh {
		d.counts.refreshes.Add(1)
	}
	answer, err := d.signed(got, grantType == grantCode)
	if err != nil {
		d.cfg.Log.Error("a token could not be signed", "err", err)
		writeError(w, err)
		return
	}
	d.cfg.Log.Debug("tokens issued", "client", cl.id, "grant_type", grantType, "jti", got.tokenID)
	writeJSON(w, http.StatusOK, answer)
}

func (d *Demo) exchangeCode(cl *client, form url.Values) (issued, bool, error) {
	for _, name := range []string{"code", "redirect_uri", "code_verifier"} {
		if form.Get(name) == "" {
			return issued{}, false, refuse("invalid_request", name+" is missing")
		}
	}
	resource, err := d.resourceOf(form)
	if err != nil {
		return issued{}, false, err
	}
	challenge := ""
	if verifier := form.Get("code_verifier"); verifierForm.MatchString(verifier) {
		challenge = challengeOf(verifier)
	}
	return d.grants.redeem(redemption{
		client: cl, code: form.Get("code"), redirectURI: form.Get("redirect_uri"),
		resource: resource, verifierChallenge: challenge,
	})
}

func (d *Demo) exchangeRefresh(cl *client, form url.Values) (issued, bool, error) {
	if form.Get("refresh_token") == "" {
		return issued{}, false, refuse("invalid_request", "refresh_token is missing")
	}
	resource, err := d.resourceOf(form)
	if err != nil {
		return issued{}, false, err
	}
	var scopes []string // nil: as granted
	if form.Get("scope") != "" {
		var ok bool
		if scopes, ok = parseScope(form.Get("scope")); !ok {
			return issued{}, false, refuse("invalid_scope", "a scope is not known here")
		}
	}
	return d.grants.rotate(cl, form.Get("refresh_token"), resource, scopes)
}

// resourceOf is the one resource that a form names. RFC 8707 lets a client
// leave it out, MCP does not (2025-11-25 authorization, "Resource Parameter
// Implementation"), and a demo that forgave it would hide the mistake.
func (d *Demo) resourceOf(form url.Values) (string, error) {
	switch values := form["resource"]; {
	case len(values) == 0 || values[0] == "":
		return "", refuse("invalid_target", "resource is missing; MCP clients must send it")
	case len(values) > 1 || values[0] != d.URL():
		return "", refuse("invalid_target", "resource is not the MCP server of this demo")
	default:
		return values[0], nil
	}
}

// challengeOf is the S256 challenge of a verifier (RFC 7636 §4.2).
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return encode(sum[:])
}

// signed puts what was issued into JWTs.
func (d *Demo) signed(got issued, first bool) (tokenAnswer, error) {
	gr := got.grant
	scopes := strings.Join(got.scopes, " ")
	registered := jwt.RegisteredClaims{
		Issuer:    d.Issuer(),
		Subject:   gr.person.subject,
		Audience:  jwt.ClaimStrings{gr.resource},
		IssuedAt:  jwt.NewNumericDate(got.at),
		ExpiresAt: jwt.NewNumericDate(roundUp(got.expires)),
		ID:        got.tokenID,
	}
	access, err := d.keys.sign(typAccessToken, accessClaims{
		RegisteredClaims: registered, ClientID: gr.client.id, Scope: scopes,
		Email: gr.person.email, Name: gr.person.name,
	})
	if err != nil {
		return tokenAnswer{}, errors.Join(errors.New("sign an access token"), err)
	}
	answer := tokenAnswer{
		AccessToken: access, TokenType: "Bearer", ExpiresIn: int64(got.expires.Sub(got.at) / time.Second),
		RefreshToken: got.refresh, Scope: scopes,
	}
	if first && strings.Contains(" "+scopes+" ", " "+scopeOpenID+" ") {
		registered.Audience, registered.ID = jwt.ClaimStrings{gr.client.id}, ""
		answer.IDToken, err = d.keys.sign(typIDToken, idClaims{
			RegisteredClaims: registered, AuthTime: gr.signedIn.Unix(), Nonce: gr.nonce,
			Email: gr.person.email, Name: gr.person.name,
		})
		if err != nil {
			return tokenAnswer{}, errors.Join(errors.New("sign an ID token"), err)
		}
	}
	return answer, nil
}

// roundUp makes whole seconds of t, so that a token never ends before the
// expires_in that was promised.
func roundUp(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); !whole.Equal(t) {
		return whole.Add(time.Second)
	}
	return t
}
