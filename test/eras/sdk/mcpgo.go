package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	mcpclient "github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// mcpGoServer is a server in mcp-go that speaks one revision only.
func mcpGoServer(version string) http.Handler {
	var waiting, cancelled atomic.Int32
	counted := make(chan struct{}, 1)
	s := server.NewMCPServer("mcp-go", "1",
		server.WithToolCapabilities(true), server.WithResourceCapabilities(true, true), server.WithElicitation())
	s.EnableSampling()
	add := func(name string, act server.ToolHandlerFunc, options ...mcp.ToolOption) {
		s.AddTool(mcp.NewTool(name, append(options, mcp.WithDescription(name))...), act)
	}
	add("echo", func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText(r.GetString("text", "")), nil
	}, mcp.WithString("text", mcp.Required()))
	add("ask", func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		answer := server.ElicitationResponse(r.Params.InputResponses, "who")
		if answer == nil {
			return server.NewInputRequestBuilder(state).Elicit("who", mcp.ElicitationParams{
				Mode: mcp.ElicitationModeForm, Message: "Who are you?", RequestedSchema: named,
			}).ToolResult(), nil
		}
		if r.Params.RequestState != state {
			return nil, fmt.Errorf("the state came back as %q", r.Params.RequestState)
		}
		content, _ := answer.Content.(map[string]any)
		return mcp.NewToolResultText(fmt.Sprintf("hello %v", content["name"])), nil
	})
	add("sample", func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		answer := server.SamplingResponse(r.Params.InputResponses, "model")
		if answer == nil {
			return server.NewInputRequestBuilder("").Sample("model", mcp.CreateMessageParams{
				MaxTokens: 10, Messages: []mcp.SamplingMessage{{Role: mcp.RoleUser, Content: mcp.NewTextContent("Say something.")}},
			}).ToolResult(), nil
		}
		return mcp.NewToolResultText(mcpGoText(answer.Content)), nil
	})
	add("count", func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		for i := 1; i <= 3; i++ {
			err := s.SendNotificationToClient(ctx, "notifications/progress", map[string]any{
				"progressToken": r.Params.Meta.ProgressToken, "progress": i, "total": 3,
			})
			if err != nil {
				return nil, err
			}
			select {
			case <-counted:
			case <-ctx.Done():
			}
		}
		return mcp.NewToolResultText("counted"), nil
	})
	add("counted", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		counted <- struct{}{}
		return mcp.NewToolResultText("noted"), nil
	})
	add("waiting", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText(strconv.Itoa(int(waiting.Load()))), nil
	})
	add("wait", func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		waiting.Add(1)
		<-ctx.Done()
		cancelled.Add(1)
		return mcp.NewToolResultText("cancelled"), nil
	})
	add("cancelled", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText(strconv.Itoa(int(cancelled.Load()))), nil
	})
	var change server.ToolHandlerFunc
	change = func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		s.AddTool(mcp.NewTool("change", mcp.WithDescription("changed "+time.Now().String())), change)
		s.SendNotificationToAllClients("notifications/resources/updated", map[string]any{"uri": uri})
		time.Sleep(50 * time.Millisecond) // what has not left when the call is answered may get lost
		return mcp.NewToolResultText("changed"), nil
	}
	add("change", change)
	s.AddResource(mcp.NewResource(uri, "thing"), func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		return []mcp.ResourceContents{mcp.TextResourceContents{URI: uri, Text: "a thing"}}, nil
	})
	return server.NewStreamableHTTPServer(s, server.WithEndpointPath("/mcp"), server.WithStateful(version == versions["legacy"]),
		server.WithStreamableHTTPProtocolVersions(version))
}

// mcpGoText is the text of content that may have been decoded without its type.
func mcpGoText(content any) string {
	switch c := content.(type) {
	case mcp.TextContent:
		return c.Text
	case map[string]any:
		return fmt.Sprint(c["text"])
	}
	return fmt.Sprintf("%T", content)
}

type person struct{}

func (person) Elicit(context.Context, mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	return &mcp.ElicitationResult{ElicitationResponse: mcp.ElicitationResponse{
		Action: mcp.ElicitationResponseActionAccept, Content: map[string]any{"name": "Ada"},
	}}, nil
}

func (person) CreateMessage(context.Context, mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
	return &mcp.CreateMessageResult{
		Model: "m", SamplingMessage: mcp.SamplingMessage{Role: mcp.RoleAssistant, Content: mcp.NewTextContent("something")},
	}, nil
}

type mcpGo struct {
	*mcpclient.Client
	ctx context.Context
}

// mcpGoClient is a client in mcp-go.
func mcpGoClient(ctx context.Context, version string, command []string, n *notes) (client, error) {
	started, err := mcpclient.NewStdioMCPClient(command[0], nil, command[1:]...)
	if err != nil {
		return nil, err
	}
	c := mcpclient.NewClient(started.GetTransport(), mcpclient.WithProtocolVersion(version),
		mcpclient.WithElicitationHandler(person{}), mcpclient.WithSamplingHandler(person{}))
	c.OnNotification(func(note mcp.JSONRPCNotification) {
		fields := note.Params.AdditionalFields
		switch note.Method {
		case "notifications/progress":
			if value, ok := fields["progress"].(float64); ok {
				n.step(value)
			}
		case "notifications/resources/updated":
			raw, _ := json.Marshal(map[string]any{"uri": fields["uri"]})
			n.hear(note.Method, string(raw))
		default:
			n.hear(note.Method, "{}")
		}
	})
	if err := c.Start(ctx); err != nil {
		return nil, err
	}
	var request mcp.InitializeRequest
	request.Params.ProtocolVersion = version
	request.Params.ClientInfo = mcp.Implementation{Name: "mcp-go", Version: "1"}
	if _, err := c.Initialize(ctx, request); err != nil {
		return nil, err
	}
	return mcpGo{c, ctx}, nil
}

func (c mcpGo) version() string { return c.ProtocolVersion() }

func (c mcpGo) list(ctx context.Context) (names []string, err error) {
	r, err := c.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		return nil, err
	}
	for _, tool := range r.Tools {
		names = append(names, tool.Name)
	}
	return names, nil
}

func (c mcpGo) read(ctx context.Context, uri string) (string, error) {
	var request mcp.ReadResourceRequest
	request.Params.URI = uri
	r, err := c.ReadResource(ctx, request)
	if err != nil {
		return "", err
	}
	text, ok := r.Contents[0].(mcp.TextResourceContents)
	if !ok {
		return "", fmt.Errorf("contents are a %T", r.Contents[0])
	}
	return text.Text, nil
}

func (c mcpGo) call(ctx context.Context, tool string, arguments map[string]any, progress string) (string, error) {
	var request mcp.CallToolRequest
	request.Params.Name, request.Params.Arguments = tool, arguments
	if progress != "" {
		request.Params.Meta = &mcp.Meta{ProgressToken: progress}
	}
	r, err := c.CallTool(ctx, request)
	if err != nil {
		return "", err
	}
	return mcpGoText(r.Content[0]), nil
}

func (c mcpGo) subscribe(ctx context.Context, uri string) error {
	if c.version() == versions["modern"] {
		_, err := c.ListenAsync(c.ctx, mcp.SubscriptionFilter{ToolsListChanged: true, ResourceSubscriptions: []string{uri}}, nil)
		return err
	}
	var request mcp.SubscribeRequest
	request.Params.URI = uri
	return c.Subscribe(ctx, request)
}

func (c mcpGo) close() error { return c.Close() }
