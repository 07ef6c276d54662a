package adopt

// meaning is what becomes of an option that is not looked at more closely.
type meaning struct {
	outcome Outcome
	says    string
	works   bool
}

// meanings are the options of mcp-remote 0.15.1 whose value does not matter.
// The others are in translate.go; a test holds both against its own list.
var meanings = map[string]meaning{
	"--allow-http":       {Kept, "http to another machine is permitted.", true},
	"--auth-success-url": {Missing, "the browser went to a page of yours after the sign-in; Drawbridge shows its own.", true},
	"--auth-timeout":     {Needless, "how long mcp-remote waited for the browser; Drawbridge waits ten minutes, and the client need not.", true},
	"--body-timeout":     {Missing, "how long an answer may pause; Drawbridge lets streams last.", true},
	"--callback-path":    {Needless, "the path of the callback; Drawbridge has its own, /callback.", true},
	"--client-credentials": {
		Missing, "signs the program in by a secret, without a person; Drawbridge signs in people.", false,
	},
	"--client-metadata-url": {
		Missing, "names a document that describes the client; Drawbridge registers itself instead. A provider that registers nobody needs --client-id.", true,
	},
	"--connect-timeout": {Missing, "how long to wait for a connection; Drawbridge has a limit of its own.", true},
	"--debug":           {Needless, "wrote a log with tokens into the store; use drawbridge stdio --verbose.", true},
	"--device-code":     {Missing, "signs in with a code on another device; Drawbridge uses the browser of this one.", true},
	"--disable-cookies": {Needless, "Drawbridge keeps no cookies.", true},
	"--disable-resource-parameter": {
		Missing, "leaves `resource` out of requests to the provider. A sign-in that is taken over is renewed without it; a provider that refuses it refuses the next sign-in.", false,
	},
	"--enable-proxy": {
		Needless, "uses the proxy of the environment; Drawbridge does so by itself. The sign-in uses that of your session.", true,
	},
	"--headers-timeout": {Missing, "how long to wait for an answer to begin; Drawbridge has limits of its own.", true},
	"--host":            {Needless, "the host in the callback's address; Drawbridge always uses 127.0.0.1.", true},
	"--ipv4":            {Missing, "connects by IPv4 only; Drawbridge tries both, which fails only where IPv6 leads nowhere.", true},
	"--keep-alive":      {Missing, "sends pings so that the connection is not dropped; Drawbridge connects again when it is.", true},
	"--ping-interval":   {Missing, "how often to ping; Drawbridge connects again when the connection is dropped.", true},
	"--silent":          {Needless, "Drawbridge is silent unless it is told --verbose.", true},
	"--token-endpoint": {
		Missing, "where --client-credentials gets its tokens; Drawbridge signs in people.", false,
	},
	"--use-id-token": {
		Missing, "sends the ID token instead of the access token; Drawbridge sends the access token, which such a server refuses.", false,
	},
}

// harmless are parameters of the authorization request that a sign-in can do
// without: at the worst it is asked for more often.
var harmless = []string{"access_type", "prompt", "login_hint", "ui_locales", "display", "max_age", "domain_hint", "hd"}

// clientMembers are members of --static-oauth-client-metadata that Drawbridge
// states itself, or that are only shown to people.
var clientMembers = map[string]meaning{
	"token_endpoint_auth_method": {Needless, "how the client shows who it is; Drawbridge chooses by the provider's metadata.", true},
	"redirect_uris":              {Needless, "Drawbridge registers its own callback.", true},
	"grant_types":                {Needless, "Drawbridge registers those that it uses.", true},
	"response_types":             {Needless, "Drawbridge registers those that it uses.", true},
	"application_type":           {Needless, "Drawbridge registers as native.", true},
	"client_name":                {Missing, "what the provider shows as the client's name; Drawbridge calls itself Drawbridge.", true},
	"client_uri":                 {Missing, "shown by the provider.", true},
	"logo_uri":                   {Missing, "shown by the provider.", true},
	"contacts":                   {Missing, "shown by the provider.", true},
	"tos_uri":                    {Missing, "shown by the provider.", true},
	"policy_uri":                 {Missing, "shown by the provider.", true},
}

// variables of an entry that mean something to Node or to mcp-remote.
var variables = map[string]meaning{
	"MCP_REMOTE_CONFIG_DIR":        {Needless, "where mcp-remote keeps its sign-ins; they were looked for there.", true},
	"NODE_EXTRA_CA_CERTS":          {Missing, "trusts a certificate authority of yours. Add it to those of this computer.", false},
	"NODE_TLS_REJECT_UNAUTHORIZED": {Missing, "trusts every certificate, which Drawbridge never does. Add the server's authority to those of this computer.", false},
	"NODE_OPTIONS":                 {Needless, "options of Node, which Drawbridge does without.", true},
	"NODE_PATH":                    {Needless, "a setting of Node, which Drawbridge does without.", true},
	"NODE_ENV":                     {Needless, "a setting of Node, which Drawbridge does without.", true},
	"PATH":                         {Needless, "where npx was found; Drawbridge is started by its full path.", true},
	"DEBUG":                        {Needless, "made mcp-remote talk; use drawbridge stdio --verbose.", true},
	"BROWSER":                      {Missing, "which browser to open; Drawbridge opens that of your session.", true},
}

// proxyVariables are carried into an entry that Drawbridge writes when
// --enable-proxy was given.
var proxyVariables = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}
