package cli_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/test/ports"
)

const metadataPlace = "/.well-known/oauth-authorization-server"

// TestBadServers: somebody is signed in to a server, then the server, or its
// authorization server, goes wrong in one way, and the person signs in anew.
// The error is these two lines and this status, no secret is in it, and neither
// the settings nor the sign-in that was there are lost.
func TestBadServers(t *testing.T) {
	tellThem := "Tell whoever runs the server."
	checkAddress := "Check the address: it is often https://HOST/mcp."
	checkOrTell := "Check the server's address; if it is right, tell whoever runs the server."
	byHand := "Register a native (desktop) client there yourself, with the redirect URI http://127.0.0.1/callback (any port), and add the server with --client-id ID."
	for name, c := range map[string]struct {
		spoil      func(w *world)
		status     int
		what, next string // $SELF is the server's origin, $HOST its host and port
	}{
		"nobody listens": {
			func(w *world) { w.Close() },
			11, `"$SELF/mcp" does not answer.`, "Check the address and your network.",
		},
		"cuts the connection": {
			func(w *world) {
				w.put("/mcp", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			},
			11, `"$SELF/mcp" does not answer.`, "Check the address and your network.",
		},
		"a web page": {
			func(w *world) {
				w.put("/mcp", text(200, "text/html", "<h1>Welcome</h1>"))
				w.put("/.well-known/oauth-protected-resource/mcp", text(200, "text/html", "<h1>Welcome</h1>"))
				w.put(metadataPlace, text(200, "text/html", "<h1>Welcome</h1>"))
			},
			1, `"$SELF/mcp" does not answer as an MCP server.`, checkAddress,
		},
		"not found": {
			func(w *world) {
				w.put("/mcp", nil)
				w.put("/.well-known/oauth-protected-resource/mcp", nil)
				w.put(metadataPlace, nil)
			},
			1, `"$SELF/mcp" does not answer as an MCP server.`, checkAddress,
		},
		"moved to another host": {
			func(w *world) {
				w.put("/mcp", http.RedirectHandler("http://127.0.0.1:1/mcp", http.StatusTemporaryRedirect).ServeHTTP)
				w.put("/.well-known/oauth-protected-resource/mcp", nil)
				w.put(metadataPlace, nil)
			},
			1, `"$SELF/mcp" does not answer as an MCP server.`, checkAddress,
		},
		"an internal error": {
			func(w *world) { w.put("/mcp", text(500, "text/html", "<h1>Sorry</h1>")) },
			11, `"$SELF/mcp" answers with an error (HTTP 500).`, "Try again later.",
		},
		"too many requests": {
			func(w *world) { w.put("/mcp", text(429, "text/plain", "slow down")) },
			11, `"$SELF/mcp" answers with an error (HTTP 429).`, "Try again later.",
		},
		"401 and no metadata": {
			func(w *world) {
				w.put("/mcp", w.challenge(""))
				w.put("/.well-known/oauth-protected-resource/mcp", nil)
				w.put(metadataPlace, nil)
				w.put("/authorize", nil)
				w.put("/register", nil) // nor is it one of 2025-03-26
			},
			1, `"$SELF" wants a sign-in but publishes no metadata to do it with.`,
			"Check the address; if it is right, tell whoever runs the server that it needs RFC 9728 and RFC 8414 metadata.",
		},
		"401 with Bearer and no metadata": {
			func(w *world) {
				w.put("/mcp", w.challenge(`Bearer realm="notes"`))
				w.put("/.well-known/oauth-protected-resource/mcp", nil)
				w.put(metadataPlace, nil)
				w.put("/register", nil)
				w.put("/authorize", nil)
			},
			1, `"$SELF" wants a sign-in but publishes no metadata to do it with.`,
			"Check the address; if it is right, tell whoever runs the server that it needs RFC 9728 and RFC 8414 metadata.",
		},
		"metadata that is not JSON": {
			func(w *world) {
				w.put("/.well-known/oauth-protected-resource/mcp", text(200, "application/json", `{"resource": `))
			},
			1, `The sign-in metadata at "$SELF/.well-known/oauth-protected-resource/mcp" is not valid JSON.`, checkOrTell,
		},
		"metadata that is a web page": {
			func(w *world) {
				w.put("/.well-known/oauth-protected-resource/mcp", text(200, "text/html", "<h1>Welcome</h1>"))
			},
			1, `The sign-in metadata at "$SELF/.well-known/oauth-protected-resource/mcp" is not valid JSON.`, checkOrTell,
		},
		"metadata of another resource": {
			func(w *world) {
				w.put("/.well-known/oauth-protected-resource/mcp", w.sends(200, object{"resource": "https://bank.example.com/mcp", "authorization_servers": []string{"$SELF"}}))
			},
			1, `The metadata at "$SELF/.well-known/oauth-protected-resource/mcp" is about "https://bank.example.com/mcp", but the server is "$SELF/mcp".`,
			"If the former is the server you mean, add it by that address; otherwise tell whoever runs the server.",
		},
		"the authorization server is away": {
			func(w *world) {
				w.put("/.well-known/oauth-protected-resource/mcp", w.sends(200, object{"resource": "$SELF/mcp", "authorization_servers": []string{"http://127.0.0.1:1"}}))
			},
			11, `"127.0.0.1:1" does not answer.`, "Check the network and the server's address, then try again.",
		},
		"the sign-in page is no address for a browser": {
			func(w *world) {
				w.put(metadataPlace, w.sends(200, w.metadata(object{"authorization_endpoint": "javascript:alert(1)"})))
			},
			1, `The authorization server "$SELF" gives "javascript:alert(1)" as its authorization_endpoint, and that cannot be used: it is not an absolute URL.`, tellThem,
		},
		"the issuer differs": {
			func(w *world) { w.put(metadataPlace, w.sends(200, w.metadata(object{"issuer": "$SELF/"}))) },
			1, `The metadata at "$SELF/.well-known/oauth-authorization-server" calls itself "$SELF/", but was looked up for "$SELF".`,
			"Drawbridge does not go on, since somebody could be in between. Tell whoever runs the server: the two must be identical.",
		},
		"no PKCE": {
			func(w *world) {
				w.put(metadataPlace, w.sends(200, w.metadata(object{"code_challenge_methods_supported": nil})))
			},
			1, `The authorization server "$SELF" does not say that it supports PKCE with S256, which MCP demands.`,
			"Ask whoever runs it to list it as code_challenge_methods_supported, or add --assume-pkce if you know that it does support it.",
		},
		"no token endpoint": {
			func(w *world) {
				w.put(metadataPlace, w.sends(200, w.metadata(object{"token_endpoint": nil})))
			},
			1, `The authorization server "$SELF" does not say where to sign in: its metadata has no token_endpoint.`, tellThem,
		},
		"no registration endpoint": {
			func(w *world) {
				w.put(metadataPlace, w.sends(200, w.metadata(object{"registration_endpoint": nil})))
			},
			1, `The authorization server "$SELF" does not register clients by itself.`, byHand,
		},
		"registration refused": {
			func(w *world) {
				w.put("/register", w.sends(400, object{"error": "invalid_redirect_uri", "error_description": "must be https\x1b[31m"}))
			},
			1, `The authorization server "$SELF" does not register Drawbridge (invalid_redirect_uri).`, byHand,
		},
		"consent refused": {
			func(w *world) {
				w.put("/authorize", w.answers(func(_, back url.Values) {
					back.Set("error", "access_denied")
					back.Set("error_description", "the person said no")
				}))
			},
			1, `The sign-in was declined at "$SELF".`, "Sign in again if that was not meant.",
		},
		"the answer comes from another issuer": {
			func(w *world) {
				w.put("/authorize", w.answers(func(_, back url.Values) {
					back.Set("code", w.secret("code"))
					back.Set("iss", "https://evil.example.com")
				}))
			},
			1, `The answer says that it comes from "https://evil.example.com", but the sign-in began at "$SELF".`,
			"Drawbridge did not go on, since somebody could be in between. Sign in again; if it lasts, tell whoever runs the server.",
		},
		"the code is refused": {
			func(w *world) {
				w.put("/token", w.sends(400, object{"error": "invalid_grant", "error_description": "code expired"}))
			},
			1, `The authorization server "$SELF" did not complete the sign-in.`, "Sign in from the tray or the window, or run: drawbridge login notes",
		},
		"the token endpoint is down": {
			func(w *world) { w.put("/token", text(503, "text/html", "<h1>Sorry</h1>")) },
			11, `The authorization server "$SELF" did not answer the last step of the sign-in.`, "Sign in from the tray or the window, or run: drawbridge login notes",
		},
		"another type of token": {
			func(w *world) {
				w.put("/token", w.sends(200, object{"access_token": w.secret("access"), "token_type": "mac"}))
			},
			1, `"$HOST" issues tokens of the type "mac"; Drawbridge can use Bearer tokens only.`, tellThem,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, u := newWorld(t), newUser(t)
			u.must("add", "notes", w.URL+"/mcp")
			pages := make(chan string, 1)
			u.person = func(address string) { p, _ := browse(address); pages <- p }
			u.must("login", "notes", "--no-browser")
			if page := <-pages; !strings.Contains(page, "Signed in to notes") {
				t.Fatalf("the first sign-in ended on the page %s", page)
			}
			token := u.must("token", "notes").stdout
			if strings.HasPrefix(name, "registration") || strings.HasPrefix(name, "no registration") {
				// The client that is registered already would be used: forget it.
				forgetRegistration(t, u, w)
			}
			before := files(t, u.dir)

			c.spoil(w)
			got := u.run("login", "notes", "--no-browser")
			fill := strings.NewReplacer("$SELF", w.URL, "$HOST", strings.TrimPrefix(w.URL, "http://")).Replace
			said := lastLines(got.stderr, 2)
			if want := "drawbridge: " + fill(c.what) + "\n  " + fill(c.next); got.status != c.status || said != want {
				t.Errorf("status %d, want %d; the error is\n%s\nwant\n%s", got.status, c.status, said, want)
			}
			if found := w.leaks(got.stderr); len(found) > 0 && !strings.Contains(got.stderr, "Open this address") {
				t.Errorf("secrets in what it said: %q\n%v", found, got)
			}
			if found := w.leaks(said); len(found) > 0 {
				t.Errorf("secrets in the error: %q", found)
			}
			select {
			case page := <-pages:
				if strings.Contains(page, "Signed in to") {
					t.Errorf("the browser ended on a page of success:\n%s", page)
				}
			default:
			}

			if diff := cmp.Diff(before, files(t, u.dir)); diff != "" {
				t.Errorf("the failed sign-in changed files:\n%s", diff)
			}
			if again := u.must("token", "notes").stdout; again != token {
				t.Errorf("the token is another one than before the failed sign-in")
			}
		})
	}
}

// forgetRegistration deletes the registered client, as an authorization server
// does that no longer knows it.
func forgetRegistration(t *testing.T, u *user, w *world) {
	t.Helper()
	const entryOfIssuer = "client-"
	if err := u.vault.Delete(t.Context(), entryOfIssuer+sum(w.URL)); err != nil {
		t.Fatal(err)
	}
}

// TestUnknownHost has no server that could answer. The name is one that never
// exists (RFC 6761 §6.4).
func TestUnknownHost(t *testing.T) {
	u := newUser(t)
	u.must("add", "notes", "https://mcp.invalid/mcp?key=hidden")
	got := u.run("login", "notes")
	// Without any network the resolver cannot know that there is no such name.
	want := "drawbridge: There is no host \"mcp.invalid\".\n  Check the address for a typing error, and your network.\n"
	offline := "drawbridge: \"https://mcp.invalid/mcp\" does not answer.\n  Check the address and your network.\n"
	if got.status != 11 || got.stderr != want && got.stderr != offline {
		t.Errorf("%v", got)
	}
}

// TestBadCertificate is not "does not answer".
func TestBadCertificate(t *testing.T) {
	u, server := newUser(t), newTLS(t)
	u.must("add", "notes", server)
	got := u.run("login", "notes")
	want := "drawbridge: The certificate of \"" + server + "\" (subject \"O=Acme Co\", issuer \"O=Acme Co\") is not trusted: nobody whom this computer trusts has issued it.\n" +
		"  If it is your company's own authority, add its certificate: --ca-file FILE (or to the system's trust store). Do not go on if somebody may be in between.\n"
	if got.status != 11 || got.stderr != want {
		t.Errorf("%v\nwant %s", got, want)
	}
}

// TestOpenServer: a server that asks nobody to sign in is no error, and status
// says so from then on.
func TestOpenServer(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	w.put("/mcp", open)
	w.put("/.well-known/oauth-protected-resource/mcp", nil)
	w.put(metadataPlace, nil)
	u.must("add", "notes", w.URL+"/mcp")
	if got := u.run("status", "notes"); got.status != 10 {
		t.Errorf("before anybody asked the server: %v", got)
	}
	if got := u.must("login", "notes"); got.stderr != "notes asks nobody to sign in: use it as it is.\n" || got.stdout != "" {
		t.Errorf("login: %v", got)
	}
	if got := u.must("status", "notes"); !strings.Contains(got.stdout, "Asks nobody to sign in.") || got.stderr != "" {
		t.Errorf("status: %v", got)
	}
	if got := u.must("list"); !strings.Contains(got.stdout, "no sign-in needed") {
		t.Errorf("list: %v", got)
	}
	if got := u.run("token", "notes"); got.status != 1 || got.stdout != "" || got.stderr != "drawbridge: notes asks nobody to sign in, so there is no token.\n  Use it without one.\n" {
		t.Errorf("token: %v", got)
	}
}

// TestForgedCallback: while a sign-in is pending, somebody else's answer comes
// to its callback. It is told so, and the pending sign-in still completes.
func TestForgedCallback(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	u.must("add", "notes", w.URL+"/mcp")
	forged := make(chan string, 1)
	u.person = func(address string) {
		at, err := url.Parse(address)
		if err != nil {
			t.Error(err)
		}
		page, err := browse(at.Query().Get("redirect_uri") + "?code=stolen&state=forged")
		if err != nil {
			t.Error(err)
		}
		forged <- page
		_, _ = browse(address)
	}
	got := u.must("login", "notes", "--no-browser")
	if page := <-forged; !strings.Contains(page, "Not the answer that was awaited") {
		t.Errorf("the forged answer was told %s", page)
	}
	if !strings.Contains(got.stderr, "Signed in;") {
		t.Errorf("%v", got)
	}
	if token := u.must("token", "notes"); len(w.leaks(token.stdout)) == 0 {
		t.Errorf("the token is none of the server's: %v", token)
	}
}

// TestInterruptedLogin: SIGINT reaches a command as the end of its context.
func TestInterruptedLogin(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	u.must("add", "notes", w.URL+"/mcp", "--callback-port", ports.Free(t)) // nobody else is handed it
	before := files(t, u.dir)["/config/settings.json"]
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var callback string
	u.person = func(address string) {
		at, _ := url.Parse(address)
		back, _ := url.Parse(at.Query().Get("redirect_uri"))
		callback = back.Host
		interrupt()
	}
	begun := time.Now()
	got := u.runIn(ctx, "login", "notes", "--no-browser")
	if got.status != 1 || !strings.HasSuffix(got.stderr, "drawbridge: Stopped before it was done.\n") || strings.Contains(got.stderr, "goroutine") {
		t.Errorf("%v", got)
	}
	if took := time.Since(begun); took > patience { // nobody would have signed in before that
		t.Errorf("it ended after %v", took)
	}
	if conn, err := net.DialTimeout("tcp", callback, time.Second); err == nil {
		conn.Close()
		t.Error("the callback still listens")
	}
	if after := files(t, u.dir)["/config/settings.json"]; after != before {
		t.Errorf("the settings: %s", after)
	}
}

// TestNotWritable: folders that cannot be written, and one that is a file.
func TestNotWritable(t *testing.T) {
	u := newUser(t)
	if err := os.WriteFile(u.dir+"/config", []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := u.run("add", "notes", "https://notes.example.com/mcp")
	want := "drawbridge: The settings file " + u.settings() + " cannot be read.\n  Check that it is yours to read.\n"
	if got.status != 1 || got.stderr != want {
		t.Errorf("%v\nwant %s", got, want)
	}
	if raw, err := os.ReadFile(u.dir + "/config"); err != nil || string(raw) != "mine" {
		t.Errorf("the file in the way: %q, %v", raw, err)
	}
}

// TestDamagedFacts: what is known of one server cannot be read; the others are
// listed nevertheless, and a sign-in mends it.
func TestDamagedFacts(t *testing.T) {
	w, u := newWorld(t), newUser(t)
	u.must("add", "notes", w.URL+"/mcp")
	u.must("add", "wiki", "https://wiki.example.com/mcp")
	u.person = func(address string) { _, _ = browse(address) }
	u.must("login", "notes", "--no-browser")
	facts := u.dir + "/state/accounts/notes@default.json"
	if err := os.WriteFile(facts, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := u.must("list")
	if !strings.Contains(got.stdout, "wiki") || !strings.Contains(got.stdout, "notes") {
		t.Errorf("%v", got)
	}
	if want := "What is known of notes cannot be read.\n  Its next use or sign-in writes it anew.\n"; got.stderr != want {
		t.Errorf("%v\nwant %s", got, want)
	}
	u.must("token", "notes") // the keychain still has it
	u.must("login", "notes", "--no-browser")
	if got := u.must("status", "notes"); !strings.Contains(got.stdout, "Signed in;") || got.stderr != "" {
		t.Errorf("%v", got)
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
