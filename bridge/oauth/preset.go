package oauth

import (
	"net/url"
	"strings"
)

// Preset is what is known of an authorization server that its metadata does not
// say, or says wrongly. Zero members change nothing.
type Preset struct {
	// Name is what people call the provider.
	Name string
	// Match are patterns of the issuer's host; "*." stands for any names before.
	// Path, when set, must be the beginning of the issuer's path.
	Match []string
	Path  string
	// PKCE: S256 is supported although the metadata does not list it.
	PKCE bool
	// NoResource: the `resource` parameter is refused or ignored to harm.
	NoResource bool
	// DefaultScope: without scopes from the server ask for resource + "/.default".
	DefaultScope bool
	// RefreshScope: a refresh repeats the scopes.
	RefreshScope bool
	// Authorize are parameters that the authorization request needs.
	Authorize map[string]string
	// NoConsent: prompt=consent is for administrators only, and not needed.
	NoConsent bool
	// Audience: the authorization request carries the resource as `audience`, too.
	Audience bool
	// ByHand: it registers no clients of strangers, whatever its metadata lists; a
	// person registers one at Console.
	ByHand  bool
	Console string
	// Secret: even a desktop client is given a secret, and has to show it.
	Secret bool
	// Endpoints are where things are when it publishes no metadata.
	Endpoints Endpoints
	// Notes are what a person should know and Drawbridge cannot change.
	Notes []Note
}

// Endpoints are the addresses of an authorization server.
type Endpoints struct{ Authorization, Token, Device string }

// Note is a peculiarity of a provider, and what a person can do about it.
type Note struct{ What, Remedy string }

const onceAtATime = "Nothing: Drawbridge renews once at a time and keeps the new token before it uses it. Use the sign-in in no other program."

// presets are the providers that people meet. Each row is a fact about somebody
// else's program; docs/providers.md says where it comes from.
var presets = []Preset{
	{
		Name: "Microsoft Entra ID", Match: []string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "sts.windows.net", "*.ciamlogin.com"},
		PKCE: true, NoResource: true, DefaultScope: true, RefreshScope: true, NoConsent: true, ByHand: true, Console: "https://entra.microsoft.com (App registrations)",
	},
	{
		Name: "Google", Match: []string{"accounts.google.com"}, PKCE: true, NoResource: true, ByHand: true, Secret: true,
		Console: "https://console.cloud.google.com/apis/credentials (type Desktop app)", Authorize: map[string]string{"access_type": "offline", "prompt": "consent"},
	},
	{
		Name: "Auth0", Match: []string{"*.auth0.com"}, Audience: true, Notes: []Note{
			{"A refresh token is good once, and an answer that is lost costs a sign-in.", "Allow an overlap there (the API's or application's settings, refresh token rotation)."},
			{"It minds audience, and resource only with the Resource Parameter Compatibility Profile.", "Nothing: Drawbridge sends both. The API's identifier there has to be the server's resource."},
		},
	},
	{
		Name: "Amazon Cognito", Match: []string{"cognito-idp.*.amazonaws.com"}, PKCE: true, ByHand: true,
		Console: "https://console.aws.amazon.com/cognito (App clients)",
		Notes:   []Note{{"The sign-in page is at another host than the issuer.", "Nothing: it is taken from the metadata."}},
	},
	{
		Name: "Okta", Match: []string{"*.okta.com", "*.oktapreview.com", "*.okta-emea.com"}, ByHand: true,
		Console: "the Okta Admin Console (Applications, native app)",
		Notes:   []Note{{"A refresh token that is used twice ends the sign-in, access tokens included.", onceAtATime}},
	},
	{
		Name: "GitHub", Match: []string{"github.com"}, PKCE: true, NoResource: true, ByHand: true, Secret: true,
		Console:   "https://github.com/settings/developers",
		Endpoints: Endpoints{"https://github.com/login/oauth/authorize", "https://github.com/login/oauth/access_token", "https://github.com/login/device/code"},
		Notes: []Note{
			{"The access token of an OAuth app has no end, and there is no refresh token.", "Sign out when it is no longer needed: drawbridge logout NAME"},
			{"Its errors come with HTTP 200, and its answers may be forms.", "Nothing: Drawbridge reads them."},
		},
	},
	{Name: "Atlassian", Match: []string{"*.atlassian.com"}, Notes: []Note{{"90 days without use end the sign-in, and so does a year.", "Leave Drawbridge's agent running: it renews in time."}}},
	{
		Name: "Slack", Match: []string{"slack.com", "*.slack.com"}, PKCE: true, NoResource: true, ByHand: true, Secret: true, Console: "https://api.slack.com/apps", Notes: []Note{
			{"Its errors come with HTTP 200 and ok:false.", "Nothing: Drawbridge reads them."},
		},
	},
	{Name: "Notion", Match: []string{"*.notion.com"}, Notes: []Note{{"A refresh ends the access tokens before it, and a refresh token that is used twice all of them.", onceAtATime}}},
	{Name: "Linear", Match: []string{"*.linear.app"}, Notes: []Note{{"A refresh token that was used is good for half an hour more.", "Nothing: an answer that is lost is asked for again."}}},
	{Name: "Sentry", Match: []string{"*.sentry.dev"}, Notes: []Note{{"The refresh token before the last one stays good, and its use ends the last one.", onceAtATime}}},
	{Name: "Cloudflare", Match: []string{"*.cloudflare.com", "*.workers.dev"}, Notes: []Note{{"A second sign-in with the same client may end the first.", "Sign in once, and let all programs use Drawbridge."}}},
	{Name: "Keycloak", Match: []string{"*"}, Path: "/realms/", Notes: []Note{{"It ignores resource: a token is for what the realm says.", "If the server refuses its tokens, have its address added as audience there (a client scope with an audience mapper)."}}},
}

// server is an authorization server of which no metadata is found.
func (p Preset) server(issuer string) ServerMetadata {
	return ServerMetadata{
		Issuer: issuer, AuthorizationEndpoint: p.Endpoints.Authorization, TokenEndpoint: p.Endpoints.Token,
		DeviceAuthorizationEndpoint: p.Endpoints.Device, PKCEAssumed: p.PKCE,
	}
}

// PresetFor is the preset of an issuer, or the zero one. Known by their path
// alone, the last rows hold for any host.
func PresetFor(issuer string) Preset {
	u, err := url.Parse(issuer)
	if err != nil {
		return Preset{}
	}
	host := hostKey(u.Hostname())
	for _, p := range presets {
		for _, pattern := range p.Match {
			if matchHost(pattern, host) && strings.HasPrefix(u.EscapedPath(), p.Path) {
				return p
			}
		}
	}
	return Preset{}
}

// matchHost compares label by label; the first "*" of a pattern stands for one
// label or, at its beginning, for any number, none included.
func matchHost(pattern, host string) bool {
	if pattern == "*" {
		return true
	}
	if rest, ok := strings.CutPrefix(pattern, "*."); ok {
		return host == rest || strings.HasSuffix(host, "."+rest)
	}
	before, after, ok := strings.Cut(pattern, "*")
	if !ok {
		return host == pattern
	}
	middle, ok := strings.CutPrefix(host, before)
	if !ok || !strings.HasSuffix(middle, after) {
		return false
	}
	middle = strings.TrimSuffix(middle, after)
	return middle != "" && !strings.Contains(middle, ".")
}
