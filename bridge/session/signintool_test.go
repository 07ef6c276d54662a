package session_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"drawbridge/bridge/session"
)

// A client that is signed out sees one tool, which starts the sign-in; when
// somebody has signed in it is told to look again and sees the server's.
func TestSignInTool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newPiped(t)
		a := &account{needed: true}
		gate := make(chan struct{})
		close(gate)
		serving(u, `{"tools":{}}`, gate)
		started := 0
		c := connect(t, u, a, func(c *session.Config) {
			c.SignIn = func(context.Context, bool) (session.SignInStarted, error) {
				started++
				return session.SignInStarted{URL: "https://as.example/authorize", Opened: true}, nil
			}
		})
		c.send(hello)
		c.line()
		c.send(greet)
		c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
		if l := c.line(); !strings.Contains(l, `"id":1,"result"`) || strings.Count(l, `"name"`) != 1 || !strings.Contains(l, `"name":"sign_in"`) {
			t.Fatalf("tools: %s", l)
		}
		c.send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"other"}}`)
		if l := c.line(); !strings.Contains(l, `"id":2,"error"`) {
			t.Errorf("another tool: %s", l)
		}
		c.send(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"sign_in","arguments":{}}}`)
		if l := c.line(); !strings.Contains(l, `"id":3,"result"`) || !strings.Contains(l, "https://as.example/authorize") || started != 1 {
			t.Errorf("sign_in: %s, %d started", l, started)
		}
		if all := u.methods(); len(all) > 0 {
			t.Errorf("the server got %v", all)
		}
		a.set(false)
		for { // of tools, prompts and resources, once each
			if l := c.line(); strings.Contains(l, "tools/list_changed") {
				break
			} else if !strings.Contains(l, "list_changed") {
				t.Fatalf("got %s", l)
			}
		}
		c.send(`{"jsonrpc":"2.0","id":4,"method":"tools/list"}`)
		for {
			l := c.line()
			if strings.Contains(l, "list_changed") && !strings.Contains(l, "tools/") {
				continue
			}
			if !strings.Contains(l, `"id":4,"result":{"echo"`) {
				t.Errorf("tools after the sign-in: %s", l)
			}
			break
		}
	})
}
