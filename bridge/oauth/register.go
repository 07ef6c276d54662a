package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// RegistrationRequest says how the client introduces itself.
type RegistrationRequest struct {
	// ClientName is shown to the person by the authorization server.
	ClientName string
	// RedirectURI is the one that the callback listens on.
	RedirectURI string
	// Device registers for sign-ins on another device (RFC 8628): no browser comes
	// back, and RedirectURI does not count.
	Device bool
	// FixedPort: a person has chosen the port of RedirectURI.
	FixedPort bool
}

// Register registers Drawbridge as a native client (RFC 7591; RFC 8252 §8.4).
// Its errors are *fault.Error: Unsupported when the server registers nobody,
// Refused when it does not register us, Unreachable, BadMetadata.
func (c *Client) Register(ctx context.Context, m ServerMetadata, r RegistrationRequest) (ClientCredentials, error) {
	byHand := registerByHand(m.Issuer, r)
	if m.RegistrationEndpoint == "" {
		return ClientCredentials{}, fault.New(fault.Unsupported,
			fmt.Sprintf("The authorization server %s does not register clients by itself.", shown(m.Issuer)), byHand)
	}
	method := registrationMethod(m.TokenEndpointAuthMethodsSupported)
	members := map[string]any{
		"client_name":                r.ClientName,
		"redirect_uris":              []string{r.RedirectURI},
		"grant_types":                []string{"authorization_code", "refresh_token"},
		"response_types":             []string{"code"},
		"token_endpoint_auth_method": method,
		"application_type":           "native", // "web" is the default and forbids loopback redirects
	}
	if r.Device {
		members["grant_types"] = []string{grantDeviceCode, "refresh_token"}
		members["response_types"], members["redirect_uris"] = []string{}, []string{}
	}
	body, err := json.Marshal(members)
	if err != nil {
		return ClientCredentials{}, fmt.Errorf("encode registration: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.RegistrationEndpoint, bytes.NewReader(body))
	if err != nil {
		return ClientCredentials{}, fmt.Errorf("make a registration request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	doc, err := c.do(req, reach{server: c.server}, fetchTimeout)
	if err != nil {
		return ClientCredentials{}, err
	}
	var answer struct {
		ClientID  string      `json:"client_id"`
		Secret    string      `json:"client_secret"`
		ExpiresAt json.Number `json:"client_secret_expires_at"`
		Method    string      `json:"token_endpoint_auth_method"`
		Error     string      `json:"error"`
		Text      string      `json:"error_description"`
	}
	decodeErr := doc.object(&answer)
	var shape *json.UnmarshalTypeError
	if errors.As(decodeErr, &shape) { // one odd member does not spoil the rest
		decodeErr = nil
	}
	switch {
	case doc.status >= 500 || doc.status == http.StatusTooManyRequests:
		return ClientCredentials{}, fault.New(fault.Unreachable,
			fmt.Sprintf("The authorization server %s cannot register Drawbridge now (HTTP %d).", shown(m.Issuer), doc.status), "Try again later.")
	case m.Guessed && !doc.ok() && answer.Error == "":
		return ClientCredentials{}, noMetadata(shown(m.Issuer), fmt.Errorf("register at %s: HTTP %d", m.RegistrationEndpoint, doc.status))
	case !doc.ok() || answer.Error != "":
		why := fmt.Sprintf("HTTP %d", doc.status)
		if codeForm(answer.Error) {
			why = answer.Error
		}
		return ClientCredentials{}, fault.Wrap(&TokenError{Status: doc.status, Code: answer.Error, Description: plain(answer.Text)}, fault.Refused,
			fmt.Sprintf("The authorization server %s does not register Drawbridge (%s).", shown(m.Issuer), why), byHand)
	case decodeErr != nil || answer.ClientID == "":
		if decodeErr == nil {
			decodeErr = errors.New("no client_id")
		}
		return ClientCredentials{}, fault.Wrap(decodeErr, fault.BadMetadata,
			fmt.Sprintf("The authorization server %s answered the registration without a client id.", shown(m.Issuer)), byHand)
	}
	cc := ClientCredentials{ClientID: answer.ClientID, Secret: secret.New(answer.Secret)}
	cc.AuthMethod = chooseAuthMethod(answer.Method, answer.Secret != "", m.TokenEndpointAuthMethodsSupported)
	if n, err := strconv.ParseInt(answer.ExpiresAt.String(), 10, 64); err == nil && n > 0 {
		cc.SecretExpiresAt = time.Unix(n, 0)
	}
	return cc, nil
}

// registrationMethod asks for no secret where that is possible: a program that
// anybody can download has none to keep (RFC 8252 §8.5).
func registrationMethod(supported []string) string {
	if len(supported) == 0 {
		return AuthNone
	}
	for _, method := range []string{AuthNone, AuthBasic, AuthPost} {
		if slices.Contains(supported, method) {
			return method
		}
	}
	return AuthNone
}

// RegisterByHand says how a person gets a client at an issuer that registers
// none, for a callback like redirectURI, on whatever port.
func RegisterByHand(issuer, redirectURI string) string {
	return registerByHand(issuer, RegistrationRequest{RedirectURI: redirectURI})
}

// registerByHand is the way out when the server registers nobody. It names the
// exact redirect URI, as far as the port is fixed.
func registerByHand(issuer string, r RegistrationRequest) string {
	form := "http://127.0.0.1/callback (any port)"
	if u, err := url.Parse(r.RedirectURI); err == nil && u.Hostname() != "" {
		if form = r.RedirectURI; !r.FixedPort {
			form = "http://" + u.Hostname() + u.Path + " (any port)"
		}
	}
	where, with := "there", "--client-id ID"
	p := PresetFor(issuer)
	if p.Console != "" {
		where = "at " + p.Console
	}
	if p.Secret {
		with += " and its secret in DRAWBRIDGE_CLIENT_SECRET"
	}
	return fmt.Sprintf("Register a native (desktop) client %s yourself, with the redirect URI %s, and add the server with %s.", where, form, with)
}
