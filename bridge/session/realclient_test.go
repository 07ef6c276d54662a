package session_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	mcpclient "github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/session"
)

// visitor is a person who signs in at each address.
type visitor struct {
	account *account
	mu      sync.Mutex
	visited []string
}

func (v *visitor) Elicit(_ context.Context, r mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	v.mu.Lock()
	v.visited = append(v.visited, r.Params.Mode+" "+r.Params.URL)
	v.mu.Unlock()
	time.AfterFunc(50*time.Millisecond, func() { v.account.set(false) })
	return &mcp.ElicitationResult{ElicitationResponse: mcp.ElicitationResponse{Action: mcp.ElicitationResponseActionAccept}}, nil
}

// The client of mcp-go is shown the address, and its call goes on.
func TestSignInByAnAddressWithARealClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		u := newPiped(t)
		u.post = func(w http.ResponseWriter, r *http.Request, m jsonrpc.Message) {
			if m.Method == "tools/call" {
				writeJSON(w, string(jsonrpc.NewResult(m.ID, []byte(`{"content":[{"type":"text","text":"ran"}]}`))))
				return
			}
			u.answer(w, r, m)
		}
		fromClient, toUs := io.Pipe()
		fromUs, toClient := io.Pipe()
		a := &account{needed: true}
		c := connect(t, u, a, func(c *session.Config) {
			c.SignIn = func(context.Context, bool) (session.SignInStarted, error) {
				return session.SignInStarted{URL: "https://as.example/authorize?a=1&b=2"}, nil
			}
			var writing sync.Mutex
			c.Send = func(raw []byte) error {
				writing.Lock()
				defer writing.Unlock()
				_, err := toClient.Write(append(raw[:len(raw):len(raw)], '\n'))
				return err
			}
		})
		var reading sync.WaitGroup
		reading.Go(func() {
			for lines := bufio.NewScanner(fromClient); lines.Scan(); {
				c.send(lines.Text())
			}
		})
		t.Cleanup(func() {
			_ = toUs.Close()
			_ = toClient.Close()
			reading.Wait()
		})

		person := &visitor{account: a}
		real := mcpclient.NewClient(transport.NewIO(fromUs, toUs, io.NopCloser(strings.NewReader(""))),
			mcpclient.WithProtocolVersion("2025-06-18"), mcpclient.WithElicitationHandler(person),
			mcpclient.WithClientCapabilities(mcp.ClientCapabilities{Elicitation: &mcp.ElicitationCapability{URL: &struct{}{}}}))
		if err := real.Start(ctx); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = real.Close() }()
		completed := make(chan struct{}, 1)
		real.OnNotification(func(n mcp.JSONRPCNotification) {
			if n.Method == "notifications/elicitation/complete" {
				completed <- struct{}{}
			}
		})
		var hello mcp.InitializeRequest
		hello.Params.ProtocolVersion, hello.Params.ClientInfo = "2025-06-18", mcp.Implementation{Name: "real", Version: "1"}
		if _, err := real.Initialize(ctx, hello); err != nil {
			t.Fatal(err)
		}
		var call mcp.CallToolRequest
		call.Params.Name = "act"
		result, err := real.CallTool(ctx, call)
		if err != nil || len(result.Content) != 1 || result.Content[0].(mcp.TextContent).Text != "ran" {
			t.Errorf("call: %v, %v", result, err)
		}
		select {
		case <-completed:
		case <-ctx.Done():
			t.Error("the client does not hear that it is complete")
		}
		person.mu.Lock()
		defer person.mu.Unlock()
		if got := strings.Join(person.visited, " "); got != "url https://as.example/authorize?a=1&b=2" {
			t.Errorf("the client showed %q", got)
		}
	})
}
