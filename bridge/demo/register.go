package demo

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Ways in which a client proves itself (RFC 7591 §2).
const (
	authNone  = "none"
	authBasic = "client_secret_basic"
	authPost  = "client_secret_post"
)

const (
	maxClients      = 10_000
	maxRedirects    = 10
	maxNameRunes    = 80
	unnamedClient   = "An unnamed program"
	applicationType = "native"
)

// client is a registered client. It is never changed after registration.
type client struct {
	id           string
	secret       digest // zero for authNone
	authMethod   string
	name         string
	redirectURIs []string
	grantTypes   []string
	issuedAt     time.Time
}

// clients are the registered clients.
type clients struct {
	now func() time.Time

	mu   sync.Mutex
	byID map[string]*client
}

func newClients(now func() time.Time) *clients {
	return &clients{now: now, byID: map[string]*client{}}
}

func (c *clients) find(id string) *client {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byID[id]
}

func (c *clients) add(cl *client) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byID) >= maxClients {
		return false
	}
	c.byID[cl.id] = cl
	return true
}

// clientMetadata is what a client says of itself (RFC 7591 §2). Members that
// this server has no use for are ignored, as §2 demands.
type clientMetadata struct {
	ClientName              string   `json:"client_name"`
	RedirectURIs            []string `json:"redirect_uris"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method"`
	GrantTypes              []string `json:"grant_types"`
	ResponseTypes           []string `json:"response_types"`
	ApplicationType         string   `json:"application_type"`
	Scope                   string   `json:"scope"`
}

// register is the registration endpoint (RFC 7591 §3).
func (d *Demo) register(w http.ResponseWriter, r *http.Request) {
	// Also what keeps a page of another site out: it cannot send this type
	// without asking first.
	if mediaType(r) != "application/json" {
		writeError(w, refuse("invalid_client_metadata", "the body must be application/json"))
		return
	}
	body, err := readBody(w, r, maxForm)
	if err != nil {
		writeError(w, refuse("invalid_client_metadata", "the body is too long or came too slowly"))
		return
	}
	var m clientMetadata
	if err := json.Unmarshal(body, &m); err != nil {
		writeError(w, refuse("invalid_client_metadata", "the body is not a client's metadata in JSON"))
		return
	}
	if err := m.check(); err != nil {
		writeError(w, err)
		return
	}
	cl := &client{
		id:           "demo-" + random()[:22],
		authMethod:   m.TokenEndpointAuthMethod,
		name:         m.ClientName,
		redirectURIs: m.RedirectURIs,
		grantTypes:   m.GrantTypes,
		issuedAt:     d.cfg.Now(),
	}
	answer := map[string]any{
		"client_id":                  cl.id,
		"client_id_issued_at":        cl.issuedAt.Unix(),
		"client_name":                cl.name,
		"redirect_uris":              cl.redirectURIs,
		"token_endpoint_auth_method": cl.authMethod,
		"grant_types":                cl.grantTypes,
		"response_types":             []string{"code"},
		"application_type":           applicationType,
		"scope":                      m.Scope,
	}
	if cl.authMethod != authNone {
		secret := random()
		cl.secret = digestOf(secret)
		answer["client_secret"] = secret
		answer["client_secret_expires_at"] = 0 // never
	}
	if !d.clients.add(cl) {
		writeError(w, &oauthError{http.StatusServiceUnavailable, "temporarily_unavailable", "too many clients are registered"})
		return
	}
	d.counts.registrations.Add(1)
	d.cfg.Log.Info("a client registered", "client", cl.id, "name", cl.name)
	writeJSON(w, http.StatusCreated, answer)
}

// check fills in the defaults of RFC 7591 §2 and refuses what is not for here.
func (m *clientMetadata) check() error {
	if len(m.RedirectURIs) == 0 || len(m.RedirectURIs) > maxRedirects {
		return refuse("invalid_redirect_uri", "between one and ten redirect_uris are needed")
	}
	for _, uri := range m.RedirectURIs {
		if !isLoopbackRedirect(uri) {
			return refuse("invalid_redirect_uri", "a redirect URI must be http to a loopback address, without a fragment")
		}
	}
	if m.TokenEndpointAuthMethod == "" {
		m.TokenEndpointAuthMethod = authBasic
	}
	if !slices.Contains([]string{authNone, authBasic, authPost}, m.TokenEndpointAuthMethod) {
		return refuse("invalid_client_metadata", "token_endpoint_auth_method is not supported")
	}
	if len(m.GrantTypes) == 0 {
		m.GrantTypes = []string{grantCode}
	}
	for _, g := range m.GrantTypes {
		if g != grantCode && g != grantRefresh {
			return refuse("invalid_client_metadata", "only the grant types authorization_code and refresh_token are supported")
		}
	}
	if !slices.Contains(m.GrantTypes, grantCode) {
		return refuse("invalid_client_metadata", "grant_types must contain authorization_code")
	}
	if len(m.ResponseTypes) > 0 && !slices.Equal(m.ResponseTypes, []string{"code"}) {
		return refuse("invalid_client_metadata", "only the response type code is supported")
	}
	if m.ApplicationType != "" && m.ApplicationType != applicationType {
		return refuse("invalid_client_metadata", "only native applications have loopback redirect URIs")
	}
	scopes, ok := parseScope(m.Scope)
	if !ok {
		return refuse("invalid_client_metadata", "a scope is not known here")
	}
	if m.Scope == "" {
		scopes = scopeNames()
	}
	m.Scope = strings.Join(scopes, " ")
	m.ClientName = cleanName(m.ClientName)
	return nil
}

// cleanName makes a name that cannot disturb a page or a log line.
func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)
	if runes := []rune(name); len(runes) > maxNameRunes {
		name = string(runes[:maxNameRunes]) + "…"
	}
	if strings.TrimSpace(name) == "" {
		return unnamedClient
	}
	return name
}

// isLoopbackRedirect reports whether uri is an http URI on this machine (RFC
// 8252 §7.3). localhost is not recommended (§8.3) but what many clients use.
func isLoopbackRedirect(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.User != nil || u.Opaque != "" ||
		u.Fragment != "" || strings.Contains(uri, "#") {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback() && ip.Zone() == ""
}

// allows reports whether the client registered uri. All but the port must be
// the same: a native client gets a free one each time (RFC 8252 §7.3).
func (c *client) allows(uri string) bool {
	if !isLoopbackRedirect(uri) {
		return false
	}
	return slices.ContainsFunc(c.redirectURIs, func(registered string) bool {
		return withoutPort(registered) == withoutPort(uri)
	})
}

func withoutPort(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return uri
	}
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	u.Host = host
	return u.String()
}

// authenticate finds the client that sent a form to the token or revocation
// endpoint and has it prove itself the way it registered (RFC 6749 §2.3).
func (d *Demo) authenticate(r *http.Request, form url.Values) (*client, error) {
	unknown := &oauthError{http.StatusUnauthorized, "invalid_client", "the client is not known here or did not prove itself"}
	id, secret, method := form.Get("client_id"), form.Get("client_secret"), authNone
	if secret != "" {
		method = authPost
	}
	if rawID, rawSecret, ok := r.BasicAuth(); ok {
		if method == authPost {
			return nil, refuse("invalid_request", "the client proved itself in two ways")
		}
		// RFC 6749 §2.3.1: both are form-encoded before they are joined.
		basicID, err1 := url.QueryUnescape(rawID)
		basicSecret, err2 := url.QueryUnescape(rawSecret)
		if err1 != nil || err2 != nil || (id != "" && id != basicID) {
			return nil, unknown
		}
		id, secret, method = basicID, basicSecret, authBasic
	} else if r.Header.Get("Authorization") != "" {
		return nil, unknown
	}
	cl := d.clients.find(id)
	if cl == nil || cl.authMethod != method {
		return nil, unknown
	}
	if method != authNone {
		got := digestOf(secret)
		if subtle.ConstantTimeCompare(got[:], cl.secret[:]) != 1 {
			return nil, unknown
		}
	}
	return cl, nil
}
