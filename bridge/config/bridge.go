package config

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"drawbridge/bridge/fault"
)

// Bridge is what the settings say of the local HTTP bridge.
type Bridge struct {
	// Rules say who may do what; without any, whoever the guard admits may do
	// everything that their credential does not forbid.
	Rules []BridgeRule `json:"rules,omitempty"`
	// BuiltInRoles adds the roles viewer, developer and admin.
	BuiltInRoles bool `json:"builtInRoles,omitempty"`
	// Serve are the options with which the agent runs `drawbridge serve`; nil: it
	// does not. An empty list runs it as it is without options.
	Serve []string `json:"serve,omitempty"`
	// Metadata are more members of the resource metadata (RFC 9728 §2), such as
	// resource_documentation; {server} in their texts is the server's name.
	Metadata map[string]json.RawMessage `json:"metadata,omitempty"`
	// Servers is what is different for single servers, by name.
	Servers map[string]BridgeServer `json:"servers,omitempty"`
}

// ownMetadata are the members that the bridge answers for itself, or that would
// say of it what is not so.
var ownMetadata = []string{
	"resource", "authorization_servers", "scopes_supported", "bearer_methods_supported", "signed_metadata", "jwks_uri",
	"resource_signing_alg_values_supported", "tls_client_certificate_bound_access_tokens",
	"dpop_signing_alg_values_supported", "dpop_bound_access_tokens_required",
}

// CheckMetadata validates Metadata.
func (b *Bridge) CheckMetadata() error {
	for name, value := range b.Metadata {
		base, _, _ := strings.Cut(name, "#") // a language (RFC 9728 §2.1)
		bad := func(what, next string) error {
			return fault.New(fault.BadSettings, fmt.Sprintf("bridge.metadata: %s %s.", name, what), next)
		}
		if name == "" || slices.Contains(ownMetadata, base) {
			return bad("is what the bridge says itself", "Leave it out.")
		}
		switch base {
		case "resource_name", "resource_documentation", "resource_policy_uri", "resource_tos_uri":
		default:
			continue
		}
		var text string
		if err := json.Unmarshal(value, &text); err != nil || text == "" {
			return bad("is no text", "Write it in quotes.")
		}
		if base == "resource_name" {
			continue
		}
		if u, err := url.Parse(text); err != nil || u.Scheme != "https" || u.Host == "" {
			return bad("is no https address", "Such as https://example.com/{server}.")
		}
	}
	return nil
}

// BridgeServer is what the local bridge does for one server.
type BridgeServer struct {
	// TellCaller sends who the caller is along to the server, in the headers
	// X-Drawbridge-Subject, -Email and -Client.
	TellCaller bool `json:"tellCaller,omitempty"`
	// Exchange gets a token for the server in return for the caller's, instead of
	// the signed-in account's; nil: it does not.
	Exchange *Exchange `json:"exchange,omitempty"`
}

// Exchange says how a caller's token becomes one for a server (RFC 8693). The
// secret of the client is in the vault.
type Exchange struct {
	// Issuer leads to the metadata of the authorization server; TokenEndpoint spares
	// looking there.
	Issuer        string `json:"issuer,omitempty"`
	TokenEndpoint string `json:"tokenEndpoint,omitempty"`
	// ClientID is who asks: the bridge, as that server knows it.
	ClientID string `json:"clientId"`
	// Audience and Resource name the server there; one of them is wanted.
	Audience string `json:"audience,omitempty"`
	Resource string `json:"resource,omitempty"`
	// Scopes to ask for; none leaves them to that server.
	Scopes []string `json:"scopes,omitempty"`
	// SubjectType is the kind of the callers' tokens: access_token ("" as well), jwt
	// or id_token.
	SubjectType string `json:"subjectType,omitempty"`
}

// Check validates an exchange.
func (x Exchange) Check(allowHTTP bool) error {
	bad := func(what, next string) error { return fault.New(fault.Usage, what, next) }
	switch {
	case x.Issuer == "" && x.TokenEndpoint == "":
		return bad("An exchange of tokens needs an authorization server.", "Name it: --issuer URL, or --token-endpoint URL.")
	case x.ClientID == "":
		return bad("An exchange of tokens needs a client.", "Name the bridge as the authorization server knows it: --client-id ID.")
	case x.Audience == "" && x.Resource == "":
		return bad("An exchange of tokens needs to say for whom the new token is.", "Name the server there: --audience NAME or --resource URI.")
	}
	switch x.SubjectType {
	case "", "access_token", "jwt", "id_token":
	default:
		return bad(fmt.Sprintf("%q is no kind of token that can be exchanged.", x.SubjectType), "Use access_token, jwt or id_token.")
	}
	for _, u := range []string{x.Issuer, x.TokenEndpoint} {
		if u == "" {
			continue
		}
		if err := CheckURL(u, allowHTTP); err != nil {
			return err
		}
	}
	return nil
}

// BridgeFor is what the bridge does for a server.
func (s *Settings) BridgeFor(server string) BridgeServer {
	if s.Bridge == nil {
		return BridgeServer{}
	}
	for name, what := range s.Bridge.Servers { // as servers are found by name
		if strings.EqualFold(name, server) {
			return what
		}
	}
	return BridgeServer{}
}

// SetExchange sets how callers' tokens are exchanged for those of a server; nil: not.
func (s *Settings) SetExchange(server string, x *Exchange) {
	what := s.BridgeFor(server)
	what.Exchange = x
	s.setBridgeFor(server, what)
}

// setBridgeFor sets what the bridge does for a server; the zero value is nothing of
// its own.
func (s *Settings) setBridgeFor(server string, what BridgeServer) {
	if what == s.BridgeFor(server) {
		return
	}
	if s.Bridge == nil {
		s.Bridge = &Bridge{}
	}
	// Another map, for settings are compared with what they were.
	servers := map[string]BridgeServer{}
	for name, other := range s.Bridge.Servers {
		if !strings.EqualFold(name, server) {
			servers[name] = other
		}
	}
	if what != (BridgeServer{}) {
		servers[server] = what
	}
	changed := *s.Bridge
	changed.Servers = servers
	s.Bridge = &changed
}

// BridgeRule gives rights to those it matches: any of its first five members is
// enough. Patterns know * and ?; a list that is empty means all.
type BridgeRule struct {
	Scopes   []string `json:"scopes,omitempty"`
	Roles    []string `json:"roles,omitempty"`
	Subjects []string `json:"subjects,omitempty"`
	Clients  []string `json:"clients,omitempty"`
	// Claims are NAME=VALUE.
	Claims  []string `json:"claims,omitempty"`
	Servers []string `json:"servers,omitempty"`
	Methods []string `json:"methods,omitempty"`
	Tools   []string `json:"tools,omitempty"`
}

// Bridge is the folder of the local bridge's API keys and denylist, Audit that of
// its record.
func (p Paths) Bridge() string { return filepath.Join(p.State, "bridge") }

// Audit is the folder of the record of who did what.
func (p Paths) Audit() string { return filepath.Join(p.State, "audit") }
