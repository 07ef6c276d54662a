package adopt

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"drawbridge/bridge/config"
	"drawbridge/bridge/secret"
)

// translation turns one command line into a server of ours.
type translation struct {
	line    commandLine
	env     map[string]string // of the entry
	getenv  func(string) (string, bool)
	own     []string // headers that Drawbridge sets
	used    map[string]bool
	server  config.Server
	secret  secret.String
	options []Option
}

func (t *translation) say(name string, m meaning) {
	t.options = append(t.options, Option{Name: name, Outcome: m.outcome, Says: m.says, LikelyWorks: m.outcome != Missing || m.works})
}

func (t *translation) missing(name, says string, works bool) {
	t.say(name, meaning{Missing, says, works})
}

// run does all of it; nothing of the command line is left out of t.options.
func (t *translation) run() {
	t.used = map[string]bool{}
	c := t.line
	t.server = config.Server{URL: c.url, AllowHTTP: c.allowHTTP}
	t.address()
	if c.port != "" {
		t.say(c.port, meaning{Needless, "the port of the callback; Drawbridge uses any that is free.", true})
	}
	t.headers()
	t.staticClient()
	t.staticMetadata()
	t.transport()
	t.tools()
	t.resource()
	t.authorize()
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(c.values)), c.flags) {
		if m, ok := meanings[name]; ok {
			t.say(name, m)
		}
	}
	for _, arg := range c.unknown {
		t.say(shownArgument(arg), meaning{Needless, "mcp-remote 0.15 knows no such argument and passes it over.", true})
	}
	t.variables()
}

// address: what there is to say about it. CheckURL has passed it.
func (t *translation) address() {
	u, err := url.Parse(t.line.url)
	if err != nil {
		return
	}
	for name := range u.Query() {
		if secretName.MatchString(name) {
			t.missing("the address", "it looks as if it holds a secret after the ?, and the settings file is no place for one.", false)
			return
		}
	}
}

// shownArgument is an argument as it may be shown: one that is no option may be
// anything, and what stands behind = too.
func shownArgument(arg string) string {
	name, _, _ := strings.Cut(arg, "=")
	if strings.HasPrefix(name, "-") && len(name) < 40 && !strings.ContainsAny(name, " \t\n") {
		return name
	}
	return "an argument"
}

var secretName = regexp.MustCompile(`(?i)auth|token|secret|key|cookie|passw|credential|session|signature`)

// headers keeps what is not secret: the settings file is no place for one.
func (t *translation) headers() {
	for _, file := range t.line.unreadHeaders {
		t.missing("--header-file "+filepath.Base(file), "the file cannot be read, so that its headers are not known.", false)
	}
	for _, name := range t.line.headerNames {
		raw := t.line.headers[name]
		value := expand(raw, t.look)
		option := "--header " + name
		switch {
		case strings.EqualFold(name, "Authorization"):
			t.missing(option, "a fixed credential, which Drawbridge has no place for. If the server offers a sign-in, Drawbridge can use that.", false)
		case slices.ContainsFunc(t.own, func(own string) bool { return strings.EqualFold(own, name) }):
			t.say(option, meaning{Needless, "Drawbridge sets it by itself.", true})
		case placeholder.MatchString(value):
			t.missing(option, "its value comes from a variable that is not set here.", false)
		case secretName.MatchString(name), raw != value:
			t.missing(option, "its value looks like a secret, and the settings file is no place for one. If it is none: drawbridge add … --header", false)
		case !httpguts.ValidHeaderFieldValue(value):
			t.missing(option, "its value cannot be a header.", false)
		default:
			if t.server.Headers == nil {
				t.server.Headers = map[string]string{}
			}
			t.server.Headers[name] = value
			t.say(option, meaning{Kept, "sent with each MCP request.", true})
		}
	}
}

// look reads a variable and remembers that it has a use.
func (t *translation) look(name string) (string, bool) {
	t.used[name] = true
	return t.getenv(name)
}

// jsonOption reads the value of an option that is JSON or @FILE.
func (t *translation) jsonOption(name string, fill bool) (members map[string]any, given bool) {
	raw, given := t.line.values[name]
	if !given {
		return nil, false
	}
	if path, isFile := strings.CutPrefix(raw, "@"); isFile {
		text, err := readBounded(path)
		if err != nil || !filepath.IsAbs(path) {
			t.missing(name, "its file cannot be read.", false)
			return nil, false
		}
		raw = string(text)
	}
	if fill {
		raw = expand(raw, t.look)
	}
	if json.Unmarshal([]byte(raw), &members) != nil || members == nil {
		t.missing(name, "it is not a JSON object.", false)
		return nil, false
	}
	return members, true
}

func (t *translation) staticClient() {
	const name = "--static-oauth-client-info"
	members, given := t.jsonOption(name, true)
	if !given {
		return
	}
	id, _ := members["client_id"].(string)
	if id == "" || placeholder.MatchString(id) {
		t.missing(name, "it names no client_id.", false)
		return
	}
	t.server.ClientID = id
	says := "the client that you registered. Its redirect address has to allow http://127.0.0.1/callback at the provider before the next sign-in."
	if s, _ := members["client_secret"].(string); s != "" {
		if placeholder.MatchString(s) {
			t.missing(name, "its client_secret comes from a variable that is not set here. Give it in DRAWBRIDGE_CLIENT_SECRET at the sign-in.", false)
		} else {
			t.secret = secret.New(s)
			says = "the client that you registered; its secret goes into the keychain. Its redirect address has to allow http://127.0.0.1/callback at the provider before the next sign-in."
		}
	}
	t.say(name, meaning{Kept, says, true})
}

func (t *translation) staticMetadata() {
	const name = "--static-oauth-client-metadata"
	members, given := t.jsonOption(name, false)
	for _, member := range slices.Sorted(maps.Keys(members)) {
		option := name + " " + member
		if scope, isText := members[member].(string); member == "scope" && isText {
			t.server.Scopes = strings.Fields(scope)
			t.say(option, meaning{Kept, "asked for instead of what the server names.", true})
		} else if m, known := clientMembers[member]; known {
			t.say(option, m)
		} else {
			t.missing(option, "registered with the client; Drawbridge registers no such thing.", false)
		}
	}
	if given && len(members) == 0 {
		t.say(name, meaning{Needless, "it is empty.", true})
	}
}

func (t *translation) transport() {
	if value, given := t.line.values["--transport"]; given {
		const name = "--transport"
		switch value {
		case "http-only":
			t.server.Transport = config.TransportHTTP
			t.say(name+" "+value, meaning{Kept, "Streamable HTTP.", true})
		case "http-first":
			t.say(name+" "+value, meaning{Needless, "Drawbridge does so by itself.", true})
		case "sse-first":
			t.say(name+" "+value, meaning{Needless, "Drawbridge finds out by itself which transport the server speaks.", true})
		case "sse-only":
			t.server.Transport = config.TransportSSE
			t.say(name+" "+value, meaning{Kept, "the older HTTP+SSE transport.", true})
		default:
			t.say(name, meaning{Needless, "mcp-remote knows no such transport and passes it over.", true})
		}
	}
	if value, given := t.line.values["--protocol"]; given {
		if value == "auto" {
			t.missing("--protocol auto", "bridges to servers of 2026-07-28, which Drawbridge does not yet; it needs a server that also speaks 2025-11-25 or older.", true)
		} else {
			t.say("--protocol", meaning{Needless, "the usual protocol.", true})
		}
	}
}

// tools keeps the patterns of hidden tools: they mean the same to both.
func (t *translation) tools() {
	for _, pattern := range t.line.ignoreTools {
		if config.CheckToolPattern(pattern) != nil {
			t.say("--ignore-tool", meaning{Needless, "no tool has such a name.", true})
			continue
		}
		t.server.IgnoreTools = append(t.server.IgnoreTools, pattern)
		t.say("--ignore-tool "+pattern, meaning{Kept, "hidden from clients, and calls of them are refused.", true})
	}
}

func (t *translation) resource() {
	value, given := t.line.values["--resource"]
	switch value = strings.TrimSpace(value); {
	case !given:
	case value == "":
		t.say("--resource ''", meanings["--disable-resource-parameter"])
	case strings.TrimRight(value, "/") == strings.TrimRight(t.line.url, "/"):
		t.say("--resource", meaning{Needless, "it is the server's address, which Drawbridge uses by itself.", true})
	default:
		t.missing("--resource", "which part of the provider the token is for, such as one tenant. A sign-in that is taken over is renewed with it; the next sign-in asks for what the server publishes.", false)
	}
}

func (t *translation) authorize() {
	for _, key := range slices.Sorted(maps.Keys(t.line.authorize)) {
		works := slices.Contains(harmless, key)
		says := "a parameter of the provider's own, which Drawbridge does not send at a sign-in."
		if works {
			says += " It can do without."
		}
		t.missing("--authorize-param "+key, says, works)
	}
}

// variables says what becomes of the entry's environment.
func (t *translation) variables() {
	proxy := slices.Contains(t.line.flags, "--enable-proxy")
	for _, name := range slices.Sorted(maps.Keys(t.env)) {
		m, known := variables[name]
		switch {
		case t.used[name]: // said with the option that uses it
		case slices.Contains(proxyVariables, name) && proxy:
			t.say("env "+name, meaning{Kept, "goes into an entry that Drawbridge writes.", true})
		case slices.Contains(proxyVariables, name):
			t.say("env "+name, meaning{Needless, "mcp-remote does not use it without --enable-proxy.", true})
		case known:
			t.say("env "+name, m)
		case strings.HasPrefix(strings.ToLower(name), "npm_config_"):
			t.say("env "+name, meaning{Needless, "a setting of npm, which Drawbridge does without.", true})
		default:
			t.missing("env "+name, fmt.Sprintf("no option of the entry names it, so that %s is not carried over.", name), true)
		}
	}
}

// proxyEnv are the variables that an entry of ours needs.
func (s *Server) proxyEnv(e Entry) map[string]string {
	env := map[string]string{}
	if slices.Contains(s.line.flags, "--enable-proxy") {
		for _, name := range proxyVariables {
			if value, ok := e.env[name]; ok {
				env[name] = value
			}
		}
	}
	return env
}
