package oauth

import "testing"

func TestPresetFor(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://login.microsoftonline.com/0000/v2.0":                    "Microsoft Entra ID",
		"https://acme.ciamlogin.com/0000/v2.0":                           "Microsoft Entra ID",
		"https://accounts.google.com":                                    "Google",
		"https://acme.eu.auth0.com/":                                     "Auth0",
		"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a":        "Amazon Cognito",
		"https://acme.okta.com/oauth2/default":                           "Okta",
		"https://github.com":                                             "GitHub",
		"https://sso.example.com/realms/acme":                            "Keycloak",
		"https://mcp.notion.com":                                         "Notion",
		"https://auth.example.com":                                       "",
		"https://accounts.google.com.evil.example":                       "",
		"https://evilauth0.com":                                          "",
		"https://cognito-idp.a.b.amazonaws.com/x":                        "",
		"https://login.microsoftonline.com.evil.example/0000/v2.0":       "",
		"https://evil.example/?https://login.microsoftonline.com/x/v2.0": "",
	} {
		if got := PresetFor(issuer).Name; got != want {
			t.Errorf("%s: %q, want %q", issuer, got, want)
		}
	}
}
