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
	// ByHand: it registers no clients; a person registers one at Console.
	ByHand  bool
	Console string
	// Secret: even a desktop client is given a secret, and has to show it.
	Secret bool
	// Rotation says what a person should know of its refresh tokens.
	Rotation string
}

// presets are the providers that people meet. Each row is a fact about somebody
// else's program; docs/providers.md says where it comes from.
var presets = []Preset{
	{
		Name: "Microsoft Entra ID", Match: []string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "sts.windows.net"},
		PKCE: true, NoResource: true, DefaultScope: true, RefreshScope: true, NoConsent: true, ByHand: true, Console: "https://entra.microsoft.com (App registrations)",
	},
	{
		Name: "Google", Match: []string{"accounts.google.com"}, PKCE: true, NoResource: true, ByHand: true, Secret: true,
		Console: "https://console.cloud.google.com/apis/credentials (type Desktop app)", Authorize: map[string]string{"access_type": "offline", "prompt": "consent"},
	},
	{Name: "Auth0", Match: []string{"*.auth0.com"}, Audience: true, Rotation: "rotates; a lost answer may cost a sign-in"},
	{
		Name: "Amazon Cognito", Match: []string{"cognito-idp.*.amazonaws.com"}, PKCE: true, ByHand: true,
		Console: "https://console.aws.amazon.com/cognito (App clients)", Rotation: "does not rotate unless it is switched on",
	},
	{
		Name: "Okta", Match: []string{"*.okta.com", "*.oktapreview.com", "*.okta-emea.com"}, ByHand: true,
		Console: "the Okta Admin Console (Applications, native app)", Rotation: "rotates; a reused token ends all of them",
	},
	{
		Name: "GitHub", Match: []string{"github.com"}, PKCE: true, NoResource: true, ByHand: true, Secret: true,
		Console: "https://github.com/settings/developers", Rotation: "the access token of an OAuth app does not expire",
	},
	{Name: "Atlassian", Match: []string{"*.atlassian.com"}, Rotation: "rotates; 90 days without use end the sign-in"},
	{Name: "Slack", Match: []string{"slack.com", "*.slack.com"}, PKCE: true, NoResource: true, ByHand: true, Secret: true, Console: "https://api.slack.com/apps"},
	{Name: "Notion", Match: []string{"*.notion.com"}, Rotation: "rotates; a refresh ends the access tokens before it"},
	{Name: "Linear", Match: []string{"*.linear.app"}, Rotation: "rotates with half an hour of grace"},
	{Name: "Sentry", Match: []string{"*.sentry.dev"}, Rotation: "rotates; the token before the last one stays good"},
	{Name: "Cloudflare", Match: []string{"*.cloudflare.com", "*.workers.dev"}, Rotation: "a second sign-in with one client may end the first"},
	{Name: "Keycloak", Match: []string{"*"}, Path: "/realms/", Rotation: "ignores resource; the audience is set at the realm"},
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
