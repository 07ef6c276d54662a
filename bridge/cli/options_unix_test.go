//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/cli"
	"drawbridge/test/ports"
)

// TestOptionsAreTheSameEverywhere: the options of a sign-in do the same at the
// provider and at the server whether they come with add, with login, or with
// stdio and login for a server that was not added.
func TestOptionsAreTheSameEverywhere(t *testing.T) {
	port := ports.Free(t)
	options := []string{
		"--client-id", "mine", "--scope", "read", "--scope", "write", "--resource", "urn:notes", "--authorize-param", "tenant=t1", "--authorize-param", "hd=acme",
		"--token-endpoint-auth-method", "client_secret_post", "--callback-host", "localhost", "--callback-port", port, "--callback-path", "/back",
		"--header", "X-Team: blue",
	}
	want := map[string]string{
		"authorize client_id": "mine", "authorize scope": "read write", "authorize resource": "urn:notes", "authorize tenant": "t1", "authorize hd": "acme",
		"authorize redirect_uri": "http://localhost:" + port + "/back",
		"token client_id":        "mine", "token client_secret": "s3cret", "token resource": "urn:notes", "token redirect_uri": "http://localhost:" + port + "/back",
		"mcp X-Team": "blue",
	}
	for name, ways := range map[string][][]string{
		"add":       {append([]string{"add", "notes", "$URL"}, options...), {"login", "notes"}},
		"login":     {{"add", "notes", "$URL"}, append([]string{"login", "notes"}, options...)},
		"login URL": {append([]string{"login", "--url", "$URL"}, options...)},
		"stdio URL": {append([]string{"stdio", "--no-agent", "--url", "$URL"}, options...)},
	} {
		t.Run(name, func(t *testing.T) {
			w, u := newWorld(t), newUser(t)
			saw := w.watch()
			came := followBrowser(t)
			for _, args := range ways {
				t.Setenv("DRAWBRIDGE_CLIENT_SECRET", "s3cret") // each takes it out
				for i := range args {
					args[i] = strings.ReplaceAll(args[i], "$URL", w.URL+"/mcp")
				}
				if args[0] == "stdio" {
					u.bridgeUntil(t, args, func() bool { return saw.has("token client_id") && came() })
					continue
				}
				u.must(args...)
			}
			if diff := cmp.Diff(want, saw.of(want)); diff != "" {
				t.Errorf("what came (-want +got):\n%s", diff)
			}
			if saw.has("register") {
				t.Error("a client was registered")
			}
		})
	}
}

// TestUnattendedOptionsAreTheSameEverywhere is that for a client that shows who
// it is by a key, without a person.
func TestUnattendedOptionsAreTheSameEverywhere(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	options := []string{
		"--client-metadata-url", "https://client.example/drawbridge.json", "--grant", "client_credentials", "--private-key-file", key,
		"--private-key-alg", "ES256", "--no-resource", "--scope", "read",
	}
	want := map[string]string{
		"token grant_type": "client_credentials", "token scope": "read", "token resource": "",
		"token client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
	}
	for name, ways := range map[string][][]string{
		"add":       {append([]string{"add", "notes", "$URL"}, options...), {"login", "notes"}},
		"login":     {{"add", "notes", "$URL"}, append([]string{"login", "notes"}, options...)},
		"login URL": {append([]string{"login", "--url", "$URL"}, options...)},
		"stdio URL": {append([]string{"stdio", "--no-agent", "--url", "$URL"}, options...)},
	} {
		t.Run(name, func(t *testing.T) {
			w, u := newWorld(t), newUser(t)
			saw := w.watch()
			for _, args := range ways {
				for i := range args {
					args[i] = strings.ReplaceAll(args[i], "$URL", w.URL+"/mcp")
				}
				if args[0] == "stdio" {
					u.bridgeUntil(t, args, func() bool { return saw.has("token grant_type") })
					continue
				}
				u.must(args...)
			}
			if diff := cmp.Diff(want, saw.of(want)); diff != "" {
				t.Errorf("what came (-want +got):\n%s", diff)
			}
		})
	}
}

// seen are parameters and headers that came, by where.
type seen struct {
	mu  sync.Mutex
	all map[string]string
}

func (s *seen) has(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, there := s.all[what]
	return there
}

// of are the values for the keys of want; "" for what did not come.
func (s *seen) of(want map[string]string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := maps.Clone(want)
	for key := range got {
		got[key] = s.all[key]
	}
	return got
}

// watch keeps what comes to the parts of the world.
func (w *world) watch() *seen {
	s := &seen{all: map[string]string{}}
	note := func(where string, values url.Values) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all[where] = ""
		for name := range values {
			s.all[where+" "+name] = values.Get(name)
		}
	}
	for path, where := range map[string]string{"/authorize": "authorize", "/token": "token", "/register": "register", "/mcp": "mcp"} {
		w.mu.Lock()
		part := w.parts[path]
		w.mu.Unlock()
		w.put(path, func(rw http.ResponseWriter, r *http.Request) {
			if where == "mcp" {
				note(where, url.Values(r.Header))
			} else {
				note(where, r.Form)
			}
			part(rw, r)
		})
	}
	return s
}

// followBrowser makes $BROWSER a program that follows the address, and redirects.
// came reports whether it has come to a page, which the bridge sends at the end.
func followBrowser(t *testing.T) (came func() bool) {
	t.Helper()
	dir := t.TempDir()
	script, opened := filepath.Join(dir, "browser"), filepath.Join(dir, "opened")
	if err := os.WriteFile(script, []byte(fmt.Sprintf("#!/bin/sh\nprintf %%s \"$1\" > %q.new && mv %q.new %q\n", opened, opened, opened)), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BROWSER", script)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var pages atomic.Int32
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if address, err := os.ReadFile(opened); err == nil {
				_ = os.Remove(opened)
				if _, err := browse(string(address)); err != nil {
					t.Errorf("the browser: %v", err)
				}
				pages.Add(1)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return func() bool { return pages.Load() > 0 }
}

// bridgeUntil runs a stdio command with a client that opens a session, until
// enough says so.
func (u *user) bridgeUntil(t *testing.T, args []string, enough func() bool) {
	t.Helper()
	in, client := io.Pipe()
	var out, errs bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Main(t.Context(), cli.Process{
			Version: "test", Stdin: in, Stdout: &out, Stderr: &errs, Memory: u.vault,
			Args: append([]string{"--config-dir", filepath.Join(u.dir, "config"), "--state-dir", filepath.Join(u.dir, "state"), "--vault", "memory"}, args...),
		})
	}()
	_, _ = io.WriteString(client, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`+"\n"+
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`+"\n"+`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x"}}`+"\n")
	for deadline := time.Now().Add(patience); !enough() && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	_ = client.Close()
	<-ended
	if !enough() {
		t.Errorf("drawbridge %s: nothing came: %s\n%s", strings.Join(args, " "), out.String(), errs.String())
	}
}
