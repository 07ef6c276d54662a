// Gosdk is the official Go SDK's client at Drawbridge's local bridge: it lists
// the tools, calls two, and says what it got in one line of JSON, as
// node/http-client.mjs does for the TypeScript SDK.
//
//	gosdk URL HEADER…       HEADER is NAME=VALUE; a URL that ends in /sse takes the transport of 2024
//
// It is a module of its own, so that Drawbridge itself does not depend on the SDK.
package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type said struct {
	Tools    []string `json:"tools"`
	Text     string   `json:"text"`
	Progress int      `json:"progress"`
	Version  string   `json:"version"`
	Error    string   `json:"error"`
}

func main() {
	out := said{Tools: []string{}}
	if err := run(&out); err != nil {
		out.Error = err.Error()
	}
	_ = json.NewEncoder(os.Stdout).Encode(out)
}

func run(out *said) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	address := os.Args[1]
	client := &http.Client{Transport: headers(os.Args[2:])}
	var transport mcp.Transport = &mcp.StreamableClientTransport{Endpoint: address, HTTPClient: client}
	if strings.HasSuffix(address, "/sse") {
		transport = &mcp.SSEClientTransport{Endpoint: address, HTTPClient: client}
	}
	var progress atomic.Int32
	c := mcp.NewClient(&mcp.Implementation{Name: "gosdk", Version: "1.0.0"}, &mcp.ClientOptions{
		ProgressNotificationHandler: func(context.Context, *mcp.ProgressNotificationClientRequest) { progress.Add(1) },
	})
	session, err := c.Connect(ctx, transport, nil)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	out.Version = session.InitializeResult().ProtocolVersion
	tools, err := session.ListTools(ctx, nil)
	if err != nil {
		return err
	}
	for _, t := range tools.Tools {
		out.Tools = append(out.Tools, t.Name)
	}
	echo, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "echo", Arguments: map[string]any{"message": "over http"}})
	if err != nil {
		return err
	}
	out.Text = echo.Content[0].(*mcp.TextContent).Text
	long := &mcp.CallToolParams{Name: "trigger-long-running-operation", Arguments: map[string]any{"duration": 1, "steps": 3}}
	long.SetProgressToken("p")
	if _, err = session.CallTool(ctx, long); err != nil {
		return err
	}
	out.Progress = int(progress.Load())
	return nil
}

// headers adds NAME=VALUE pairs to each request.
type headers []string

func (h headers) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for _, pair := range h {
		name, value, _ := strings.Cut(pair, "=")
		r.Header.Set(name, value)
	}
	return http.DefaultTransport.RoundTrip(r)
}
