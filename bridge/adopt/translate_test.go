package adopt

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/config"
)

// TestTranslate: which settings come of it, what becomes of each option, and
// whether the server is likely to work.
func TestTranslate(t *testing.T) {
	const url = "https://mcp.example.com/mcp"
	metadata := filepath.Join(t.TempDir(), "metadata.json")
	if err := os.WriteFile(metadata, []byte(`{"scope":"from file"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"TEAM": "tools", "AUTH": "Bearer abc", "SECRET": "shh", "HTTPS_PROXY": "http://proxy:3128", "NODE_EXTRA_CA_CERTS": "/ca.pem", "npm_config_yes": "1"}
	for name, c := range map[string]struct {
		args    string // separated by |
		env     []string
		server  config.Server
		secret  string
		options string // NAME=OUTCOME, with ! when it is not likely to work without
	}{
		"bare":        {args: url},
		"http":        {args: "http://10.0.0.1/mcp|--allow-http", server: config.Server{URL: "http://10.0.0.1/mcp", AllowHTTP: true}, options: "--allow-http=kept"},
		"port":        {args: url + "|9696", options: "9696=needless"},
		"sse address": {args: "https://mcp.example.com/sse", server: config.Server{URL: "https://mcp.example.com/sse"}, options: ""},
		"key in the address": {
			args: url + "?team=a&api_key=abc", server: config.Server{URL: url + "?team=a&api_key=abc"}, options: "the address=missing!",
		},
		"header": {args: url + "|--header|X-Team: a b|--header|Accept: x", server: config.Server{Headers: map[string]string{"X-Team": "a b"}}, options: "--header X-Team=kept, --header Accept=needless"},
		"secret headers": {
			args: url + "|--header|Authorization: Bearer abc|--header|X-Api-Key: abc|--header|X-Team: ${TEAM}|--header|X-None: ${NONE}", env: []string{"TEAM"},
			options: "--header Authorization=missing!, --header X-Api-Key=missing!, --header X-Team=missing!, --header X-None=missing!",
		},
		"own client": {
			args: url + `|--static-oauth-client-info|{"client_id":"c","client_secret":"${SECRET}"}`, env: []string{"SECRET"},
			server: config.Server{ClientID: "c"}, secret: "shh", options: "--static-oauth-client-info=kept",
		},
		"own client, secret away": {
			args: url + `|--static-oauth-client-info|{"client_id":"c","client_secret":"${NOWHERE}"}`, server: config.Server{ClientID: "c"},
			options: "--static-oauth-client-info=missing!, --static-oauth-client-info=kept",
		},
		"own client, damaged":   {args: url + `|--static-oauth-client-info|{"client_id"`, options: "--static-oauth-client-info=missing!"},
		"own client, file away": {args: url + `|--static-oauth-client-info|@/nowhere/client.json`, options: "--static-oauth-client-info=missing!"},
		"metadata": {
			args:    url + `|--static-oauth-client-metadata|{"scope":"a b","client_name":"x","token_endpoint_auth_method":"none","odd":1}`,
			server:  config.Server{Scopes: []string{"a", "b"}},
			options: "--static-oauth-client-metadata client_name=missing, --static-oauth-client-metadata odd=missing!, --static-oauth-client-metadata scope=kept, --static-oauth-client-metadata token_endpoint_auth_method=needless",
		},
		"metadata file": {args: url + `|--static-oauth-client-metadata|@` + metadata, server: config.Server{Scopes: []string{"from", "file"}}, options: "--static-oauth-client-metadata scope=kept"},
		"transports":    {args: url + "|--transport|http-first|--protocol|legacy", options: "--transport http-first=needless, --protocol=needless"},
		"sse only":      {args: url + "|--transport|sse-only|--protocol|auto", server: config.Server{Transport: config.TransportSSE}, options: "--transport sse-only=kept, --protocol auto=missing"},
		"tenant":        {args: url + "|--resource|https://tenant.example.com/", options: "--resource=missing!"},
		"own resource":  {args: url + "|--resource|" + url + "/", options: "--resource=needless"},
		"no resource":   {args: url + "|--disable-resource-parameter", options: "--disable-resource-parameter=missing!"},
		"parameters":    {args: url + "|--authorize-param|prompt=consent|--authorize-param|audience=https://api", options: "--authorize-param audience=missing!, --authorize-param prompt=missing"},
		"hidden tools":  {args: url + "|--ignore-tool|delete*|--ignore-tool|", server: config.Server{IgnoreTools: []string{"delete*"}}, options: "--ignore-tool delete*=kept, --ignore-tool=needless"},
		"machine":       {args: url + "|--client-credentials|--token-endpoint|https://as.example.com/token", options: "--token-endpoint=missing!, --client-credentials=missing!"},
		"identity":      {args: url + "|--use-id-token", options: "--use-id-token=missing!"},
		"waits":         {args: url + "|--connect-timeout|5|--keep-alive|--debug", options: "--connect-timeout=missing, --debug=needless, --keep-alive=missing"},
		"unknown":       {args: url + "|--new-thing=abc|stray abc", options: "--new-thing=needless, an argument=needless"},
		"proxy":         {args: url + "|--enable-proxy", env: []string{"HTTPS_PROXY"}, options: "--enable-proxy=needless, env HTTPS_PROXY=kept"},
		"proxy not in use": {
			args: url, env: []string{"HTTPS_PROXY", "NODE_EXTRA_CA_CERTS", "TEAM", "npm_config_yes"},
			options: "env HTTPS_PROXY=needless, env NODE_EXTRA_CA_CERTS=missing!, env TEAM=missing, env npm_config_yes=needless",
		},
	} {
		t.Run(name, func(t *testing.T) {
			given := map[string]string{}
			for _, name := range c.env {
				given[name] = env[name]
			}
			tr := translate(strings.Split(c.args, "|"), given)
			if c.server.URL == "" {
				c.server.URL = url
			}
			if diff := cmp.Diff(c.server, tr.server); diff != "" {
				t.Errorf("the server:\n%s", diff)
			}
			if got := tr.secret.Reveal(); got != c.secret {
				t.Errorf("the client's secret is %q, want %q", got, c.secret)
			}
			var options []string
			works := true
			for _, o := range tr.options {
				s := o.Name + "=" + string(o.Outcome)
				if !o.LikelyWorks {
					s += "!"
					works = false
				}
				options = append(options, s)
			}
			if got := strings.Join(options, ", "); got != c.options {
				t.Errorf("the options:\n%s\nwant\n%s", got, c.options)
			}
			if s := (&Server{Options: tr.options}); s.Works() != works {
				t.Errorf("Works = %v", s.Works())
			}
			raw, err := json.Marshal(tr.options)
			if err != nil || strings.Contains(string(raw), "abc") || strings.Contains(string(raw), "shh") {
				t.Errorf("the report holds a secret: %s, %v", raw, err)
			}
		})
	}
}
