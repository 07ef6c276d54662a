package town

// Quirks are what drawbridge doctor has to say of each provider of
// docs/providers.md: by the line's ID a part of the remedy.
var Quirks = map[string]map[string]string{
	"Microsoft Entra ID": {
		"issuer.pkce":            "Drawbridge uses S256",
		"provider.resource":      "leaves it out",
		"provider.scope":         "--scope",
		"provider.refresh_scope": "repeats",
		"provider.consent":       "leaves it out",
		"registration.way":       "https://entra.microsoft.com",
	},
	"Google": {
		"issuer.pkce":        "Drawbridge uses S256",
		"provider.authorize": "Drawbridge sends that",
		"provider.resource":  "leaves it out",
		"provider.secret":    "DRAWBRIDGE_CLIENT_SECRET",
		"registration.way":   "https://console.cloud.google.com",
	},
	"Auth0": {
		"provider.audience": "as audience",
		"provider.note1":    "overlap",
		"provider.note2":    "identifier",
	},
	"Amazon Cognito": {
		"issuer.pkce":      "Drawbridge uses S256",
		"registration.way": "https://console.aws.amazon.com/cognito",
		"provider.note1":   "metadata",
	},
	"Okta": {
		"registration.way": "Okta Admin Console",
		"provider.note1":   "once at a time",
	},
	"GitHub": {
		"issuer.metadata":   "",
		"provider.resource": "leaves it out",
		"provider.secret":   "DRAWBRIDGE_CLIENT_SECRET",
		"provider.note1":    "Sign out",
		"provider.note2":    "reads them",
		"registration.way":  "https://github.com/settings/developers",
	},
	"Atlassian": {
		"provider.note1": "renews in time",
	},
	"Slack": {
		"issuer.pkce":       "Drawbridge uses S256",
		"provider.resource": "leaves it out",
		"provider.secret":   "DRAWBRIDGE_CLIENT_SECRET",
		"provider.note1":    "reads them",
		"registration.way":  "https://api.slack.com/apps",
	},
	"Notion": {
		"provider.note1": "once at a time",
	},
	"Linear": {
		"provider.note1": "asked for again",
	},
	"Sentry": {
		"provider.note1": "once at a time",
	},
	"Cloudflare": {
		"provider.note1": "Sign in once",
	},
	"Keycloak": {
		"provider.note1":      "audience mapper",
		"authorization.token": "has to bind it",
	},
}
