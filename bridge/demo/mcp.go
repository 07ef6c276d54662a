package demo

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

const aboutURI = "demo://about"

const aboutText = `# The Drawbridge demo

An OAuth authorization server and a protected MCP server in one process on
this computer. Call whoami twice, some seconds apart: tokenId changes when
Drawbridge has fetched a new access token in between.
`

// identity is what whoami tells of the access token that the call came with.
// It never holds the token.
type identity struct {
	Subject   string    `json:"subject" jsonschema:"who signed in"`
	Name      string    `json:"name"`
	Email     string    `json:"email"`
	ClientID  string    `json:"clientId" jsonschema:"the OAuth client that the token was issued to"`
	Scopes    []string  `json:"scopes"`
	TokenID   string    `json:"tokenId" jsonschema:"jti of the access token; another one after each refresh"`
	IssuedAt  time.Time `json:"issuedAt"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// mcpHandler is the MCP server over Streamable HTTP, on mcp-go.
func (d *Demo) mcpHandler() http.Handler {
	s := server.NewMCPServer("drawbridge-demo", "1.0.0",
		server.WithTitle("Drawbridge demo"),
		server.WithInstructions("A server to try Drawbridge with. whoami tells who is signed in."),
		server.WithToolCapabilities(false),
		server.WithPromptCapabilities(false),
		server.WithResourceCapabilities(false, false),
		server.WithInputSchemaValidation(),
		server.WithRecovery(),
		server.WithToolHandlerMiddleware(func(next server.ToolHandlerFunc) server.ToolHandlerFunc {
			return func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				d.counts.mcpCalls.Add(1)
				return next(ctx, req)
			}
		}),
	)
	addTools(s)
	s.AddPrompt(mcp.NewPrompt("introduce",
		mcp.WithPromptDescription("Ask for an introduction of the person who is signed in"),
		mcp.WithArgument("tone", mcp.ArgumentDescription("such as formal or friendly")),
	), introduce)
	s.AddResource(mcp.NewResource(aboutURI, "about",
		mcp.WithResourceDescription("What this demo is"), mcp.WithMIMEType("text/markdown")), about)
	return server.NewStreamableHTTPServer(s,
		// Sessions are kept in front; see sessions.
		server.WithStateLess(true),
		server.WithStreamableHTTPLogger(d.cfg.Log),
	)
}

func addTools(s *server.MCPServer) {
	s.AddTool(mcp.NewTool("whoami",
		mcp.WithDescription("Who is signed in, with which scopes, and when the access token of this call expires"),
		mcp.WithReadOnlyHintAnnotation(true), mcp.WithOutputSchema[identity](),
	), whoami)
	s.AddTool(mcp.NewTool("echo",
		mcp.WithDescription("Gives the text back"), mcp.WithReadOnlyHintAnnotation(true),
		mcp.WithString("text", mcp.Required(), mcp.Description("What to give back")),
	), echo)
	s.AddTool(mcp.NewTool("add",
		mcp.WithDescription("Adds two numbers"), mcp.WithReadOnlyHintAnnotation(true),
		mcp.WithNumber("a", mcp.Required()), mcp.WithNumber("b", mcp.Required()),
	), add)
	s.AddTool(mcp.NewTool("slow",
		mcp.WithDescription("Takes its time and reports progress"), mcp.WithReadOnlyHintAnnotation(true),
		mcp.WithNumber("seconds", mcp.DefaultNumber(2.0), mcp.Min(0.0), mcp.Max(60.0)),
		mcp.WithInteger("steps", mcp.DefaultNumber(4), mcp.Min(1), mcp.Max(100)),
	), slow)
}

func whoami(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	c := claimsFrom(ctx)
	return mcp.NewToolResultStructuredOnly(identity{
		Subject: c.Subject, Name: c.Name, Email: c.Email, ClientID: c.ClientID,
		Scopes: strings.Fields(c.Scope), TokenID: c.ID,
		IssuedAt: c.IssuedAt.UTC(), ExpiresAt: c.ExpiresAt.UTC(),
	}), nil
}

func echo(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return mcp.NewToolResultText(req.GetString("text", "")), nil
}

func add(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return mcp.NewToolResultText(fmt.Sprint(req.GetFloat("a", 0) + req.GetFloat("b", 0))), nil
}

// slow tells its progress, in the middle of each step, when the client asked
// for it with a progress token.
func slow(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	steps := req.GetInt("steps", 4)
	pause := time.Duration(req.GetFloat("seconds", 2) / float64(steps) * float64(time.Second))
	before := pause / 2
	for step := 1; step <= steps; step++ {
		if err := sleep(ctx, before); err != nil {
			return nil, fmt.Errorf("slow: stopped at step %d: %w", step, err)
		}
		if err := tellProgress(ctx, req, step, steps); err != nil {
			return nil, fmt.Errorf("slow: tell the progress: %w", err)
		}
		before = pause
	}
	if err := sleep(ctx, pause/2); err != nil {
		return nil, fmt.Errorf("slow: stopped after the last step: %w", err)
	}
	return mcp.NewToolResultText(fmt.Sprintf("done after %d steps", steps)), nil
}

// sleep waits, or ends early with ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func introduce(ctx context.Context, req mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
	tone := req.Params.Arguments["tone"]
	if tone == "" {
		tone = "friendly"
	}
	text := fmt.Sprintf("Introduce %s in two sentences, in a %s tone.", claimsFrom(ctx).Name, tone)
	return mcp.NewGetPromptResult("An introduction", []mcp.PromptMessage{
		mcp.NewPromptMessage(mcp.RoleUser, mcp.NewTextContent(text)),
	}), nil
}

func about(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
	return []mcp.ResourceContents{
		mcp.TextResourceContents{URI: aboutURI, MIMEType: "text/markdown", Text: aboutText},
	}, nil
}
