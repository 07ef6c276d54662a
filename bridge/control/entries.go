package control

import (
	"context"
	"net/http"
)

// MCPClient is a program on this computer that can be connected to a server:
// Drawbridge knows its settings file and writes the entry into it.
type MCPClient struct {
	// ID is its name in commands: claude-desktop, vscode.
	ID    string `json:"id"`
	Title string `json:"title"`
	// Path is the settings file; it need not exist yet.
	Path string `json:"path"`
	// Found is true when the client has been installed or started here.
	Found bool `json:"found"`
	// Entries are those that start Drawbridge, in the order of the file.
	Entries []MCPEntry `json:"entries"`
	// After is what makes a change count, in a sentence.
	After string `json:"after"`
	// Problem says why the file cannot be read or edited, or is nil.
	Problem *Problem `json:"problem"`
}

// MCPEntry is an entry of a client's settings that starts Drawbridge.
type MCPEntry struct {
	// Name is what the client calls the server.
	Name string `json:"name"`
	// Server is NAME or NAME@ACCOUNT, as in the settings; "" for an entry that
	// names an address instead.
	Server string `json:"server"`
}

// EntryChange asks to connect a client to a server, or to take that back.
type EntryChange struct {
	// Client is an MCPClient's ID.
	Client string `json:"client"`
	// Server is NAME or NAME@ACCOUNT.
	Server string `json:"server"`
	// Remove takes the entry out again. When nothing else has changed since it was
	// written, the file becomes byte for byte what it was before: the undo.
	Remove bool `json:"remove"`
	// Replace permits to take the place of an entry of the same name that does
	// not start Drawbridge; without it that is refused with fault.ForeignEntry.
	Replace bool `json:"replace"`
	// Digest is the one of the preview that the person has seen. ApplyEntry
	// refuses with fault.FileChanged when the change would be another by now.
	Digest string `json:"digest"`
}

// EntryPreview is a change that has been worked out and not made.
type EntryPreview struct {
	Path string `json:"path"`
	// Diff is a unified diff; "" when there is nothing to do. What entries of
	// other servers hold is shown as "…".
	Diff   string `json:"diff"`
	Digest string `json:"digest"`
}

// EntryResult is a change that has been made.
type EntryResult struct {
	Path string `json:"path"`
	// Backup is the file as it was; "" when there was none, or when an earlier
	// backup was put back.
	Backup string `json:"backup"`
	// After is what makes the change count, in a sentence.
	After string `json:"after"`
}

// Entries is what the server side needs for the settings of MCP clients.
type Entries interface {
	// MCPClients lists every client that Drawbridge knows, those that were found first.
	MCPClients(ctx context.Context) ([]MCPClient, error)
	// PreviewEntry works a change out and changes nothing.
	PreviewEntry(ctx context.Context, change EntryChange) (EntryPreview, error)
	// ApplyEntry makes the change that the preview with its digest showed.
	ApplyEntry(ctx context.Context, change EntryChange) (EntryResult, error)
}

func (s *Service) entryRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/mcp-clients", handle(s, func(ctx context.Context, _ *http.Request, _ none) (any, error) {
		return s.backend.MCPClients(ctx)
	}))
	mux.HandleFunc("POST /v1/mcp-clients/preview", handle(s, func(ctx context.Context, _ *http.Request, change EntryChange) (any, error) {
		return s.backend.PreviewEntry(ctx, change)
	}))
	mux.HandleFunc("POST /v1/mcp-clients/apply", handle(s, func(ctx context.Context, _ *http.Request, change EntryChange) (any, error) {
		return s.backend.ApplyEntry(ctx, change)
	}))
}

// MCPClients lists the MCP clients on this computer and what they are connected to.
func (c *Client) MCPClients(ctx context.Context) ([]MCPClient, error) {
	var all []MCPClient
	err := c.call(ctx, quick, http.MethodGet, "/v1/mcp-clients", nil, &all)
	return all, err
}

// PreviewEntry shows what connecting a client to a server, or taking that back,
// would change.
func (c *Client) PreviewEntry(ctx context.Context, change EntryChange) (EntryPreview, error) {
	var p EntryPreview
	err := c.call(ctx, quick, http.MethodPost, "/v1/mcp-clients/preview", change, &p)
	return p, err
}

// ApplyEntry makes the change that a preview showed; change.Digest is its digest.
func (c *Client) ApplyEntry(ctx context.Context, change EntryChange) (EntryResult, error) {
	var r EntryResult
	err := c.call(ctx, quick, http.MethodPost, "/v1/mcp-clients/apply", change, &r)
	return r, err
}
