package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

var (
	none   = json.RawMessage(`{"type":"object","properties":{}}`)
	texted = json.RawMessage(`{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}`)
	named  = json.RawMessage(`{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}`)
)

func goSDKText(s string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: s}}}
}

// goSDKServer is a server in the official Go SDK that speaks one revision only.
func goSDKServer(version string) http.Handler {
	var waiting, cancelled atomic.Int32
	counted := make(chan struct{}, 1)
	server := mcp.NewServer(&mcp.Implementation{Name: "go-sdk", Version: "1"}, &mcp.ServerOptions{
		SupportedProtocolVersions: []string{version},
		SubscribeHandler:          func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler:        func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
	})
	add := func(name string, schema json.RawMessage, act mcp.ToolHandler) {
		server.AddTool(&mcp.Tool{Name: name, Description: name, InputSchema: schema}, act)
	}
	add("echo", texted, func(_ context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		var given struct{ Text string }
		err := json.Unmarshal(r.Params.Arguments, &given)
		return goSDKText(given.Text), err
	})
	add("ask", none, func(_ context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		answer, ok := r.Params.InputResponses["who"].(*mcp.ElicitResult)
		if !ok {
			return &mcp.CallToolResult{RequestState: state, InputRequests: mcp.InputRequestMap{
				"who": &mcp.ElicitParams{Mode: "form", Message: "Who are you?", RequestedSchema: named},
			}}, nil
		}
		if r.Params.RequestState != state {
			return nil, fmt.Errorf("the state came back as %q", r.Params.RequestState)
		}
		return goSDKText(fmt.Sprintf("hello %v", answer.Content["name"])), nil
	})
	add("sample", none, func(_ context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		answer, ok := r.Params.InputResponses["model"].(*mcp.CreateMessageWithToolsResult)
		if !ok {
			return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"model": &mcp.CreateMessageParams{
				MaxTokens: 10, Messages: []*mcp.SamplingMessage{{Role: "user", Content: &mcp.TextContent{Text: "Say something."}}},
			}}}, nil
		}
		return goSDKText(answer.Content[0].(*mcp.TextContent).Text), nil
	})
	add("count", none, func(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		for i := 1; i <= 3; i++ {
			err := r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: float64(i), Total: 3})
			if err != nil {
				return nil, err
			}
			select {
			case <-counted:
			case <-ctx.Done():
			}
		}
		return goSDKText("counted"), nil
	})
	add("counted", none, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		counted <- struct{}{}
		return goSDKText("noted"), nil
	})
	add("waiting", none, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return goSDKText(strconv.Itoa(int(waiting.Load()))), nil
	})
	add("wait", none, func(ctx context.Context, _ *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		waiting.Add(1)
		<-ctx.Done()
		cancelled.Add(1)
		return goSDKText("cancelled"), nil
	})
	add("cancelled", none, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return goSDKText(strconv.Itoa(int(cancelled.Load()))), nil
	})
	var change mcp.ToolHandler
	change = func(ctx context.Context, _ *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		server.AddTool(&mcp.Tool{Name: "change", Description: "changed " + time.Now().String(), InputSchema: none}, change)
		return goSDKText("changed"), server.ResourceUpdated(ctx, &mcp.ResourceUpdatedNotificationParams{URI: uri})
	}
	add("change", none, change)
	server.AddResource(&mcp.Resource{URI: uri, Name: "thing"}, func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: uri, Text: "a thing"}}}, nil
	})
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{
		Stateless: version == versions["modern"], PropagateRequestCancellation: true,
	})
}

type goSDK struct{ *mcp.ClientSession }

// goSDKClient is a client in the official Go SDK.
func goSDKClient(ctx context.Context, version string, command []string, n *notes) (client, error) {
	c := mcp.NewClient(&mcp.Implementation{Name: "go-sdk", Version: "1"}, &mcp.ClientOptions{
		Capabilities: &mcp.ClientCapabilities{},
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "Ada"}}, nil
		},
		CreateMessageHandler: func(context.Context, *mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
			return &mcp.CreateMessageResult{Role: "assistant", Model: "m", Content: &mcp.TextContent{Text: "something"}}, nil
		},
		ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) {
			n.hear("notifications/tools/list_changed", "{}")
		},
		ResourceUpdatedHandler: func(_ context.Context, r *mcp.ResourceUpdatedNotificationRequest) {
			n.hear("notifications/resources/updated", fmt.Sprintf(`{"uri":%q}`, r.Params.URI))
		},
		ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) { n.step(r.Params.Progress) },
	})
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	session, err := c.Connect(ctx, &mcp.CommandTransport{Command: cmd}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	return goSDK{session}, err
}

func (c goSDK) version() string { return c.InitializeResult().ProtocolVersion }

func (c goSDK) list(ctx context.Context) (names []string, err error) {
	for tool, err := range c.Tools(ctx, nil) {
		if err != nil {
			return nil, err
		}
		names = append(names, tool.Name)
	}
	return names, nil
}

func (c goSDK) read(ctx context.Context, uri string) (string, error) {
	r, err := c.ReadResource(ctx, &mcp.ReadResourceParams{URI: uri})
	if err != nil {
		return "", err
	}
	return r.Contents[0].Text, nil
}

func (c goSDK) call(ctx context.Context, tool string, arguments map[string]any, progress string) (string, error) {
	params := &mcp.CallToolParams{Name: tool, Arguments: arguments}
	if progress != "" {
		params.SetProgressToken(progress)
	}
	r, err := c.CallTool(ctx, params)
	if err != nil {
		return "", err
	}
	text, ok := r.Content[0].(*mcp.TextContent)
	if !ok {
		return "", fmt.Errorf("content is a %T", r.Content[0])
	}
	return text.Text, nil
}

func (c goSDK) subscribe(ctx context.Context, uri string) error {
	return c.Subscribe(ctx, &mcp.SubscribeParams{URI: uri})
}

func (c goSDK) close() error { return c.Close() }
