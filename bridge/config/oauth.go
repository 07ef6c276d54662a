package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"drawbridge/bridge/fault"
)

// The grants that a server can be signed in to with. "" is AuthorizationCode.
const (
	AuthorizationCode = "authorization_code" // a person, in the browser (RFC 6749 §4.1)
	DeviceCode        = "device_code"        // a person, with a browser anywhere (RFC 8628)
	ClientCredentials = "client_credentials" // nobody: the client itself (RFC 6749 §4.4)
	IDJAG             = "id_jag"             // an identity assertion of the company's provider
	JWTBearer         = "jwt_bearer"         // an assertion from a file or a command (RFC 7523)
)

var (
	grants      = []string{AuthorizationCode, DeviceCode, ClientCredentials, IDJAG, JWTBearer}
	authMethods = []string{"none", "client_secret_basic", "client_secret_post", "private_key_jwt"}
	keyAlgs     = []string{"ES256", "RS256"}
)

// OAuth are the settings of a server's sign-in that discovery cannot find out.
// The zero value is right for a server that keeps to the MCP specification.
type OAuth struct {
	// ClientMetadataURL is a Client ID Metadata Document: the address is the
	// client id where the authorization server takes such.
	ClientMetadataURL string `json:"clientMetadataUrl,omitempty"`
	// PrivateKeyFile holds the client's private key in PEM, for private_key_jwt;
	// PrivateKeyAlg is how it signs, "" as the key wants.
	PrivateKeyFile string `json:"privateKeyFile,omitempty"`
	PrivateKeyAlg  string `json:"privateKeyAlg,omitempty"`
	// Grant is how tokens are got; "" is AuthorizationCode.
	Grant string `json:"grant,omitempty"`
	// Resource is sent as `resource` instead of what the server publishes (RFC
	// 8707); NoResource leaves the parameter out.
	Resource   string `json:"resource,omitempty"`
	NoResource bool   `json:"noResource,omitempty"`
	// AuthorizeParams are added to the authorization request.
	AuthorizeParams map[string]string `json:"authorizeParams,omitempty"`
	// TokenEndpointAuthMethod is how the client shows who it is, instead of what
	// the metadata says.
	TokenEndpointAuthMethod string `json:"tokenEndpointAuthMethod,omitempty"`
	// Callback is where the browser comes back to.
	Callback Callback `json:"callback,omitzero"`
	// Endpoints take the place of discovery.
	Endpoints Endpoints `json:"endpoints,omitzero"`
	// AssumePKCE goes on although the authorization server does not list S256.
	AssumePKCE bool `json:"assumePkce,omitempty"`
	// UseIDToken sends the server the ID token instead of the access token.
	UseIDToken bool `json:"useIdToken,omitempty"`
	// DPoP binds tokens to a key (RFC 9449): DPoPAlways, DPoPNever, or "" when
	// both servers can do with such.
	DPoP string `json:"dpop,omitempty"`
	// Assertion and IdentityProvider are for JWTBearer and IDJAG.
	Assertion        Assertion        `json:"assertion,omitzero"`
	IdentityProvider IdentityProvider `json:"identityProvider,omitzero"`
}

// Callback is the loopback address of the redirect back. Zero values: 127.0.0.1,
// a free port (or that of an earlier registration), /callback.
type Callback struct {
	Host string `json:"host,omitempty"`
	Port int    `json:"port,omitempty"`
	Path string `json:"path,omitempty"`
}

// Endpoints of an authorization server whose metadata is missing or wrong.
// Those that are given take the place of the discovered ones; with both
// Authorization and Token nothing is discovered.
type Endpoints struct {
	Issuer        string `json:"issuer,omitempty"`
	Authorization string `json:"authorization,omitempty"`
	Token         string `json:"token,omitempty"`
	Registration  string `json:"registration,omitempty"`
	Revocation    string `json:"revocation,omitempty"`
	Device        string `json:"device,omitempty"`
	Introspection string `json:"introspection,omitempty"`
	Userinfo      string `json:"userinfo,omitempty"`
}

// TLS are the settings of connections to a server and its authorization server.
type TLS struct {
	// CAFile holds further certificate authorities in PEM.
	CAFile string `json:"caFile,omitempty"`
	// ClientCertFile and ClientKeyFile are a client certificate in PEM.
	ClientCertFile string `json:"clientCertFile,omitempty"`
	ClientKeyFile  string `json:"clientKeyFile,omitempty"`
	// Proxy is the URL of a proxy, "none", or "" for what the environment names,
	// in which clients leave nothing of it.
	Proxy string `json:"proxy,omitempty"`
}

// Check validates the settings of a sign-in. Its errors are fault.Usage.
func (o OAuth) Check(allowHTTP bool) error {
	bad := func(what, next string, args ...any) error {
		return fault.New(fault.Usage, fmt.Sprintf(what, args...), next)
	}
	oneOf := func(option, value string, known []string) error {
		if value == "" || slices.Contains(known, value) {
			return nil
		}
		return bad("%q is nothing that --%s can be.", "Use one of: "+strings.Join(known, ", ")+".", value, option)
	}
	if err := oneOf("grant", o.Grant, grants); err != nil {
		return err
	}
	if err := oneOf("token-endpoint-auth-method", o.TokenEndpointAuthMethod, authMethods); err != nil {
		return err
	}
	if err := oneOf("private-key-alg", o.PrivateKeyAlg, keyAlgs); err != nil {
		return err
	}
	if o.PrivateKeyAlg != "" && o.PrivateKeyFile == "" {
		return bad("--private-key-alg goes with --private-key-file.", "Give both, or neither.")
	}
	if o.NoResource && o.Resource != "" {
		return bad("--resource and --no-resource contradict each other.", "Give one of them.")
	}
	if u, err := url.Parse(o.Resource); o.Resource != "" && (err != nil || u.Scheme == "" || strings.Contains(o.Resource, "#")) {
		return bad("%q cannot be a resource: that is a URI without a fragment (RFC 8707).", "Give it as the server publishes it.", shown(o.Resource))
	}
	if o.ClientMetadataURL != "" {
		u, err := url.Parse(o.ClientMetadataURL)
		local := err == nil && u.Scheme == "http" && IsLoopback(u.Hostname())
		if err != nil || u.Scheme != "https" && !local || u.Hostname() == "" || u.User != nil || u.Path == "" || u.Path == "/" || strings.Contains(o.ClientMetadataURL, "#") {
			return bad("%q cannot be a client metadata document: that is an https address with a path.",
				"Host docs/client-metadata.json somewhere and give its address.", shown(o.ClientMetadataURL))
		}
	}
	for name := range o.AuthorizeParams {
		if name == "" || slices.Contains(ownParams, name) {
			return bad("The parameter %q of the authorization request cannot be set by hand.", "Leave it out, or use the option that is for it.", name)
		}
	}
	if err := o.Callback.check(); err != nil {
		return err
	}
	if err := o.checkGrant(allowHTTP); err != nil {
		return err
	}
	return o.Endpoints.check(allowHTTP)
}

// ownParams are set by Drawbridge itself.
var ownParams = []string{
	"response_type", "response_mode", "client_id", "redirect_uri", "state", "scope", "resource",
	"code_challenge", "code_challenge_method", "request", "request_uri",
}

func (c Callback) check() error {
	if c.Host != "" && !IsLoopback(c.Host) {
		return fault.New(fault.Usage, fmt.Sprintf("The callback host %q is not this computer.", c.Host), "Use 127.0.0.1 or localhost.")
	}
	if c.Port < 0 || c.Port > 65535 {
		return fault.New(fault.Usage, fmt.Sprintf("%d is no port.", c.Port), "Use one from 1024 to 65535.")
	}
	if c.Path != "" && (!strings.HasPrefix(c.Path, "/") || strings.ContainsAny(c.Path, "?# ")) {
		return fault.New(fault.Usage, fmt.Sprintf("%q is no path for the callback.", c.Path), "Give it as /path.")
	}
	return nil
}

func (e Endpoints) check(allowHTTP bool) error {
	for option, value := range map[string]string{
		"issuer": e.Issuer, "authorization-endpoint": e.Authorization, "token-endpoint": e.Token, "registration-endpoint": e.Registration,
		"revocation-endpoint": e.Revocation, "device-endpoint": e.Device, "introspection-endpoint": e.Introspection, "userinfo-endpoint": e.Userinfo,
	} {
		if value == "" {
			continue
		}
		if err := CheckURL(value, allowHTTP); err != nil {
			return fault.Wrap(err, fault.Usage, fmt.Sprintf("--%s: %s", option, fault.Public(err).What), "Give the endpoint's full https address.")
		}
	}
	if (e.Authorization == "") != (e.Token == "") && e.Issuer == "" && e.Authorization != "" {
		return fault.New(fault.Usage, "--authorization-endpoint needs --token-endpoint beside it.", "Give both; they take the place of discovery.")
	}
	return nil
}

// Check validates the settings of connections. Its errors are fault.Usage.
func (t TLS) Check() error {
	if (t.ClientCertFile == "") != (t.ClientKeyFile == "") {
		return fault.New(fault.Usage, "--client-cert and --client-key go together.", "Give both, or neither.")
	}
	return nil
}
