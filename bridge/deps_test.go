// Package bridge_test holds the rule of who may import whom.
package bridge_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "drawbridge"
	prefix = module + "/bridge/"
	wails  = "github.com/wailsapp/wails/"
)

// row says which packages of bridge/ a package may import, and why not more.
type row struct {
	pkg string
	may []string
	why string
}

// table is the tree of docs/architecture.md. Data and imports run down it: a
// row may only name rows below it. A new package needs a row here and there.
var table = []row{
	{
		"tour",
		[]string{"control", "browser", "demo", "remote", "credential", "vault", "token", "config", "fault"},
		"The demo from one end to the other; a program of its own, so that the demo is not linked into drawbridge.",
	},
	{
		"replica",
		[]string{"serve", "front/localhttp", "guard", "fault", "secret"},
		"The only package that knows Redis; of a program of its own, so that its client is not linked into drawbridge.",
	},
	{
		"cli",
		[]string{"serve", "front/localhttp", "guard", "audit", "authproxy", "adopt", "tray", "agent", "control", "doctor", "doctor/report", "desktop", "browser", "clients", "front/stdio", "era", "session", "remote", "exchange", "credential", "oauth", "vault", "token", "config", "network", "jsonrpc", "mcp", "fault", "secret"},
		"The commands put the parts together, so they may know all of them.",
	},
	{
		"authproxy",
		[]string{"oauth", "secret"},
		"It signs clients in at the identity provider; who is let in the guard decides, and of the servers behind the bridge it knows no more than whether a name is one.",
	},
	{
		"adopt",
		[]string{"clients", "credential", "oauth", "token", "config", "fault", "secret"},
		"It reads what another program left and hands it on: it decides nothing about tokens and keeps none.",
	},
	{
		"serve",
		[]string{"front/localhttp", "guard", "audit", "fault"},
		"It joins the front to the guard and listens; what a session reaches is given to it.",
	},
	{
		"audit",
		nil,
		"The record takes what it is told; it may ask nobody.",
	},
	{
		"agent",
		[]string{"control", "doctor/report", "clients", "desktop", "browser", "credential", "token", "config", "band", "fault", "secret"},
		"It owns sign-ins and renewals; the traffic of MCP does not pass through it.",
	},
	{
		"tray",
		[]string{"control", "desktop", "fault"},
		"It draws a snapshot and hands clicks back.",
	},
	{
		"control",
		[]string{"doctor/report", "config", "token", "fault", "secret"},
		"Nothing that the agent says holds a secret; a client secret may be handed in (ADR 0017).",
	},
	{
		"clients",
		[]string{"config", "fault"},
		"It edits other programs' files: no token, no network.",
	},
	{
		"demo",
		nil,
		"A stand-in for the outside: it must not share the code that it is there to try.",
	},
	{
		"front/stdio",
		[]string{"jsonrpc", "mcp"},
		"A local client is served without knowing that tokens exist.",
	},
	{
		"front/localhttp",
		[]string{"jsonrpc"},
		"Clients over HTTP are served without knowing tokens: who they are is the guard's word.",
	},
	{
		"guard",
		[]string{"config", "secret"},
		"It says who may use the local bridge; the servers behind it and their tokens are none of its business.",
	},
	{
		"doctor",
		[]string{"doctor/report", "remote", "credential", "oauth", "token", "config", "network", "fault", "secret"},
		"It walks the way of a request with the functions that the way itself uses.",
	},
	{
		"doctor/report",
		nil,
		"What the doctor found crosses the socket, so it holds no secret and names nothing that could.",
	},
	{
		"exchange",
		[]string{"credential", "fault", "secret"},
		"A caller's token becomes another; who checks the one and who carries the other is none of its business.",
	},
	{
		"session",
		[]string{"remote", "credential", "oauth", "band", "jsonrpc", "mcp", "fault"},
		"It joins a front to a remote and takes the remote's challenges to a credential.",
	},
	{
		"era",
		[]string{"remote", "config", "band", "jsonrpc", "mcp", "fault"},
		"It knows how MCP's messages changed; nothing of tokens, nor how a client is connected.",
	},
	{
		"remote",
		[]string{"jsonrpc", "secret"},
		"The transport asks for a bearer by an interface of its own and hands challenges back as values.",
	},
	{
		"credential",
		[]string{"oauth", "vault", "token", "config", "network", "fault", "secret"},
		"One account's tokens: the only reader and writer of the vault, ignorant of MCP.",
	},
	{
		"oauth",
		[]string{"network", "fault", "secret"},
		"The RFCs as functions: no state, no settings, no transport of MCP.",
	},
	{
		"vault",
		[]string{"config", "fault", "secret"},
		"It keeps values where the settings say, without knowing what they are.",
	},
	{
		"token",
		[]string{"secret"},
		"It reads JWTs and knows nobody who has one.",
	},
	{
		"desktop",
		nil,
		"It passes requests on to the desktop session and knows not what they are for.",
	},
	{
		"browser",
		[]string{"config", "fault"},
		"It opens a URL after checking it.",
	},
	{
		"config",
		[]string{"fault"},
		"Settings and paths: no secret, no network.",
	},
	{
		"network",
		[]string{"fault"},
		"It makes connections without knowing what goes over them.",
	},
	{"jsonrpc", nil, "The envelope of a message."},
	{"mcp", nil, "The words of the protocol, without what they mean."},
	{"band", nil, "Goroutines that end together, whatever they do."},
	{"fault", nil, "Everybody uses it, so it may use nobody."},
	{"secret", nil, "Everybody uses it, so it may use nobody."},
}

// never are rules that hold whatever the table says.
var never = []struct{ pkg, other, why string }{
	{"front/", "oauth", "fronts know no tokens"},
	{"front/", "credential", "fronts know no tokens"},
	{"front/", "vault", "fronts know no tokens"},
	{"remote", "oauth", "the transport knows no OAuth"},
	{"remote", "credential", "the transport knows no OAuth"},
	{"oauth", "remote", "OAuth knows no transport"},
	{"control", "vault", "no secret comes back over the socket"},
	{"tray", "credential", "the tray draws a snapshot"},
}

// pkg is what `go list` says of a package, and the imports of all its files,
// whatever system or tag they are for.
type pkg struct {
	ImportPath, Dir, Doc              string
	GoFiles, CgoFiles, IgnoredGoFiles []string
	Deps                              []string
	imports                           map[string][]string // by file
}

func list(t *testing.T) []pkg {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Doc,GoFiles,CgoFiles,IgnoredGoFiles,Deps", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // the lean build
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		p.imports = map[string][]string{}
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles) {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range file.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				p.imports[name] = append(p.imports[name], path)
			}
		}
		all = append(all, p)
	}
	if len(all) < 2 {
		t.Fatalf("go list found %d packages", len(all))
	}
	return all
}

func TestTableRunsDownwards(t *testing.T) {
	for i, r := range table {
		for _, other := range r.may {
			if !slices.ContainsFunc(table[i+1:], func(below row) bool { return below.pkg == other }) {
				t.Errorf("%s may import %s, which is no row below it", r.pkg, other)
			}
		}
		if r.why == "" {
			t.Errorf("%s has no reason", r.pkg)
		}
	}
}

func TestImports(t *testing.T) {
	for _, p := range list(t) {
		name, inside := strings.CutPrefix(p.ImportPath, prefix)
		if !inside {
			continue
		}
		i := slices.IndexFunc(table, func(r row) bool { return r.pkg == name })
		if i < 0 {
			t.Errorf("%s has no row in the table of bridge/deps_test.go (and docs/architecture.md)", p.ImportPath)
			continue
		}
		for file, imports := range p.imports {
			for _, path := range imports {
				other, ours := strings.CutPrefix(path, module+"/")
				if !ours {
					continue
				}
				other, ok := strings.CutPrefix(other, "bridge/")
				if !ok || !slices.Contains(table[i].may, other) {
					t.Errorf("%s/%s imports %s.\n\t%s", p.ImportPath, file, path, table[i].why)
				}
				for _, rule := range never {
					if (name == rule.pkg || strings.HasSuffix(rule.pkg, "/") && strings.HasPrefix(name, rule.pkg)) && other == rule.other {
						t.Errorf("%s/%s imports %s: %s", p.ImportPath, file, path, rule.why)
					}
				}
			}
		}
	}
}

// The window's library costs 50 MB and 60 ms for each start: only the window
// pays. Its files are those of package main that the lean build leaves out.
func TestOnlyTheWindowImportsWails(t *testing.T) {
	found := false
	for _, p := range list(t) {
		for file, imports := range p.imports {
			if !slices.ContainsFunc(imports, func(path string) bool { return strings.HasPrefix(path, wails) }) {
				continue
			}
			found = true
			if p.ImportPath != module || !slices.Contains(p.IgnoredGoFiles, file) {
				t.Errorf("%s/%s imports wails", p.ImportPath, file)
			}
		}
		for _, dep := range p.Deps {
			if strings.HasPrefix(dep, wails) {
				t.Errorf("the lean build of %s depends on %s", p.ImportPath, dep)
			}
		}
	}
	if !found {
		t.Error("no file imports wails: the test looks in the wrong place")
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range list(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
