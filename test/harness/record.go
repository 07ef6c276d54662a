package harness

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// record keeps what the programs of a world said.
type record struct {
	mu    sync.Mutex
	texts []text
	parts []*part
}

type text struct{ from, what string }

func (c *record) add(from, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, text{from, what})
}

func (c *record) part(p *part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parts = append(c.parts, p)
}

func (c *record) all() []text {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]text(nil), c.texts...)
}

// Leaks looks for secrets in everything that this world's programs printed,
// in every file below Home (settings, state, logs, caches), in the addresses
// that were opened and in the arguments and environments of the processes that
// run now. It says where it found one, without saying the secret. The second
// result is how many places were looked at.
//
// The keyring's own files are left out: they are the keychain.
func (r *Rig) Leaks(secrets []Secret) (found []string, places int) {
	r.t.Helper()
	needles := needles(secrets)
	look := func(where string, what []byte) {
		places++
		for _, n := range needles {
			if bytes.Contains(what, []byte(n.Value)) {
				found = append(found, fmt.Sprintf("%s holds a secret (%s)", where, n.Kind))
			}
		}
	}
	for _, t := range r.record.all() {
		look(t.from, []byte(t.what))
	}
	look("the addresses that were opened", []byte(strings.Join(r.Opened(), "\n")))
	for _, p := range r.Processes() {
		look("the arguments of "+p.Command, []byte(p.Command))
		look("the environment of "+p.Command, []byte(p.Environ))
	}
	keyrings := filepath.Join(r.Home, ".local", "share", "keyrings")
	err := filepath.WalkDir(r.Home, func(path string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // a folder that is gone again, as those of a cache
		}
		if err != nil {
			return err
		}
		if path == keyrings {
			return fs.SkipDir
		}
		look("the name of "+path, []byte(path))
		if !entry.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // a temporary file that is gone again
		}
		if err != nil {
			return err
		}
		look(path, content)
		return nil
	})
	if err != nil {
		r.t.Fatalf("look through %s: %v", r.Home, err)
	}
	return found, places
}

// needles adds the signatures of JWTs: whoever has one and the claims has the token.
func needles(secrets []Secret) []Secret {
	all := append([]Secret(nil), secrets...)
	for _, s := range secrets {
		if parts := strings.Split(s.Value, "."); len(parts) == 3 {
			all = append(all, Secret{s.Kind + "'s signature", parts[2]})
		}
	}
	return all
}

// keepArtifacts writes what a failed test left to test/artifacts/NAME.
func (r *Rig) keepArtifacts() {
	dir := filepath.Join(testDir(), "artifacts", strings.ReplaceAll(r.t.Name(), "/", "_"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.t.Logf("keep artefacts: %v", err)
		return
	}
	var out bytes.Buffer
	for _, t := range r.record.all() {
		fmt.Fprintf(&out, "=== %s\n%s\n", t.from, t.what)
	}
	for _, p := range r.record.parts {
		fmt.Fprintf(&out, "=== %s stderr\n%s\n", p.name, p.said)
	}
	for _, name := range []string{"", ".seen", ".err"} {
		content, _ := os.ReadFile(r.browser.log + name)
		fmt.Fprintf(&out, "=== browser%s\n%s\n", name, content)
	}
	keep(r.t, filepath.Join(dir, "output.txt"), out.Bytes())
	for _, from := range []string{r.Config, r.State} {
		_ = filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return nil
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return nil
			}
			rel, _ := filepath.Rel(filepath.Dir(from), path)
			keep(r.t, filepath.Join(dir, strings.ReplaceAll(rel, string(filepath.Separator), "_")), content)
			return nil
		})
	}
	r.t.Logf("what the run said and wrote is in %s", dir)
}

func keep(t testing.TB, path string, content []byte) {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Logf("keep artefacts: %v", err)
	}
}
