package adopt

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestKey holds against keys that getServerUrlHash of mcp-remote 0.15.1 made,
// and one that its real run left.
func TestKey(t *testing.T) {
	const url = "https://mcp.example.com/mcp"
	for want, c := range map[string]commandLine{
		"94baabe3c3fadb285b26c035e4e86046": {url: url},
		"3113537ff04d9c50e2404a697a66080e": {url: url, resource: "https://tenant.example.com/"},
		"25c23daebcbbac8f00dc8c60d4b1a263": {url: url, headers: map[string]string{"X-Team": "tools"}},
		"db51cccbbba84426e710983036c68290": {
			url: url, resource: "urn:x", headers: map[string]string{"b": "2", "A": "é <&> \"q\" \\ \u2028 \t \u0001 😀", "x-1": "${TOKEN}"},
			authorize:         map[string]string{"prompt": "consent", "audience": "https://api"},
			clientMetadataURL: "https://c.example.com/doc", tokenEndpoint: "https://as.example.com/token",
		},
		"f0acf0a0edc667720ce2eaca6d5e526e": parseLine([]string{"http://127.0.0.1:45225/mcp", "--header", "X-Team: tools"}),
	} {
		if got := c.key(); got != want {
			t.Errorf("%+v: %s, want %s", c, got, want)
		}
	}
}

// TestLaunches: the ways in which people start mcp-remote, and others that look
// like it.
func TestLaunches(t *testing.T) {
	const u = "https://mcp.example.com/mcp"
	for _, c := range []struct {
		line string // words, separated by |
		want string // "no", or the arguments
		env  map[string]string
	}{
		{"npx|mcp-remote|" + u, u, nil},
		{"npx|-y|mcp-remote@latest|" + u + "|--debug", u + "|--debug", nil},
		{"npx|--yes|--package=mcp-remote@0.15.1|mcp-remote|" + u, u, nil},
		{"npx|-p|mcp-remote@0.15.1|mcp-remote|" + u, u, nil},
		{"npx|-p|mcp-remote|mcp-remote-client|" + u, "no", nil},
		{"/opt/homebrew/bin/npx|mcp-remote|" + u, u, nil},
		{`C:\Program Files\nodejs\npx.cmd|-y|mcp-remote|` + u, u, nil},
		{"npx -y mcp-remote|" + u, u, nil},
		{"npx -y mcp-remote " + u, u, nil},
		{"bunx|--bun|mcp-remote|" + u, u, nil},
		{"bun|x|mcp-remote|" + u, u, nil},
		{"pnpm|dlx|mcp-remote@next|" + u, u, nil},
		{"npm|exec|-y|--|mcp-remote|" + u, u, nil},
		{"deno|run|-A|npm:mcp-remote@0.15.1|" + u, u, nil},
		{"volta|run|--node|20|npx|mcp-remote|" + u, u, nil},
		{"node|--max-old-space-size=64|/home/ada/node_modules/mcp-remote/dist/proxy.js|" + u, u, nil},
		{`node.exe|C:\Users\ada\node_modules\mcp-remote\dist\proxy.js|` + u, u, nil},
		{"node|/usr/lib/node_modules/.bin/mcp-remote|" + u, u, nil},
		{"mcp-remote|" + u, u, nil},
		{"cmd|/c|npx|-y|mcp-remote|" + u + "|--header|Authorization:${AUTH}", u + "|--header|Authorization:${AUTH}", nil},
		{"cmd.exe|/S|/C|npx -y mcp-remote " + u + " --debug", u + "|--debug", nil},
		{`C:\Windows\System32\cmd.exe|/c|npx|mcp-remote|` + u, u, nil},
		{"sh|-c|TOKEN=abc exec npx mcp-remote '" + u + `' --header "X: y z"`, u + "|--header|X: y z", map[string]string{"TOKEN": "abc"}},
		{"bash|-lc|npx mcp-remote " + u, u, nil},
		{"env|HTTPS_PROXY=http://proxy:1|npx|mcp-remote|" + u, u, map[string]string{"HTTPS_PROXY": "http://proxy:1"}},
		{"wsl|-d|Debian|bash|-lc|npx mcp-remote " + u, u, nil},
		{"npx|@acme/mcp-remote|" + u, u, nil},
		{"npx|-y|@acme/proxy|--name|mcp-remote", "no", nil},
		{"npx|some-server|mcp-remote", "no", nil},
		{"python|server.py|mcp-remote|" + u, "no", nil},
		{"npx|-y|mcp-remote-go|" + u, "no", nil},
		{"npx|-y|supergateway", "no", nil},
		{"sh|-c|echo mcp-remote", "no", nil},
		{"sh|-c", "no", nil},
		{"npx", "no", nil},
		{"", "no", nil},
	} {
		words := strings.Split(c.line, "|")
		rest, env, ok := mcpRemote(words[0], words[1:])
		got := "no"
		if ok {
			got = strings.Join(rest, "|")
		}
		if got != c.want || ok && len(env)+len(c.env) > 0 && cmp.Diff(c.env, env) != "" {
			t.Errorf("%s: %s %v, want %s %v", c.line, got, env, c.want, c.env)
		}
	}
}

func TestParseLine(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "headers")
	if err := os.WriteFile(file, []byte("# mine\n\nX-File: one\r\nnot a header\nX-Both: file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := parseLine([]string{
		"--header", "X-Both: line", "https://mcp.example.com/mcp", "9696", "--header-file", file, "--header-file", "relative",
		"--resource", " https://one.example.com/ ", "--resource", "https://two.example.com/", "--authorize-param", "a=b=c", "--authorize-param", "none",
		"--header", "no colon", "--header X-Joined:  a b", "--transport", "http-only", "--allow-http", "--frobnicate", "--ignore-tool", "x*", "--ignore-tool", "y",
		"--client-metadata-url", "https://c.example.com/", "stray", "--resource",
	})
	want := commandLine{
		url: "https://mcp.example.com/mcp", port: "9696", resource: "https://one.example.com/", allowHTTP: true,
		headers: map[string]string{"X-Both": "file", "X-File": "one", "X-Joined": "a b"}, headerNames: []string{"X-Both", "X-File", "X-Joined"},
		authorize: map[string]string{"a": "b=c"}, flags: []string{"--allow-http"}, ignoreTools: []string{"x*", "y"},
		unknown:       []string{"--header", "--authorize-param", "--header", "--frobnicate", "stray", "--resource"},
		unreadHeaders: []string{"relative"},
		values:        map[string]string{"--resource": " https://one.example.com/ ", "--transport": "http-only", "--client-metadata-url": "https://c.example.com/"},
	}
	if diff := cmp.Diff(want, c, cmp.AllowUnexported(commandLine{})); diff != "" {
		t.Error(diff)
	}
	for args, without := range map[string]bool{"--disable-resource-parameter|--resource|https://x": true, "--resource|": true, "--resource|https://x": false} {
		if c := parseLine(strings.Split("https://mcp.example.com|"+args, "|")); c.noResource != without || without == (c.resource != "") {
			t.Errorf("%s: %+v", args, c)
		}
	}
}

// allOptions are those of the source of mcp-remote 0.15.1; --help and --version
// make it no server. test/import_test.go compares them with the package.
const allOptions = "--allow-http --auth-success-url --auth-timeout --authorize-param --body-timeout --callback-path --client-credentials " +
	"--client-metadata-url --connect-timeout --debug --device-code --disable-cookies --disable-resource-parameter --enable-proxy --header " +
	"--header-file --headers-timeout --host --ignore-tool --ipv4 --keep-alive --ping-interval --protocol --resource --silent " +
	"--static-oauth-client-info --static-oauth-client-metadata --token-endpoint --transport --use-id-token"

// TestNoOptionIsDropped: every option of mcp-remote is known, and one that is
// given is spoken of by its name.
func TestNoOptionIsDropped(t *testing.T) {
	known := slices.Sorted(slices.Values(append(slices.Clone(valueOptions), bareOptions...)))
	if diff := cmp.Diff(strings.Fields(allOptions), known); diff != "" {
		t.Errorf("the options of mcp-remote (-) and ours (+):\n%s", diff)
	}
	values := map[string]string{
		"--header": "X-Team: tools", "--authorize-param": "prompt=consent",
		"--static-oauth-client-info": `{"client_id":"c"}`, "--static-oauth-client-metadata": `{"scope":"a b"}`,
	}
	for _, option := range known {
		args := []string{"https://mcp.example.com/mcp", option}
		if slices.Contains(valueOptions, option) {
			value := values[option]
			if value == "" {
				value = "https://value.example.com/"
			}
			args = append(args, value)
		}
		tr := translate(args, nil)
		spoken := slices.ContainsFunc(tr.options, func(o Option) bool { return strings.HasPrefix(o.Name, option) && o.Says != "" })
		if !spoken || len(tr.options) != 1 {
			t.Errorf("%s: %+v", option, tr.options)
		}
	}
}

// translate is what add does with an entry.
func translate(args []string, env map[string]string) *translation {
	t := &translation{line: parseLine(args), env: env, own: []string{"Accept", "Authorization"}, getenv: func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}}
	t.run()
	return t
}

func FuzzEntry(f *testing.F) {
	f.Add("npx", "-y|mcp-remote|https://mcp.example.com/mcp|--header|X: ${Y}|--static-oauth-client-info|{\"client_id\":\"${Y}\"}")
	f.Add("cmd", `/c|npx "mcp-remote" 'https://x' \" --header=`)
	f.Fuzz(func(t *testing.T, command, args string) {
		rest, env, ok := mcpRemote(command, strings.Split(args, "|"))
		if !ok {
			return
		}
		for i, arg := range rest { // no file of this machine is read
			if strings.HasPrefix(arg, "@") || arg == "--header-file" {
				rest[i] = "x"
			}
		}
		const secret = "s3cr3t-value"
		env["Y"] = secret
		tr := translate(rest, env)
		for _, o := range tr.options {
			if strings.Contains(o.Name+o.Says, secret) {
				t.Errorf("%+v", o)
			}
		}
		for name, value := range tr.server.Headers {
			if strings.Contains(value, secret) {
				t.Errorf("the header %s goes into the settings with a secret", name)
			}
		}
		tr.line.key()
	})
}
