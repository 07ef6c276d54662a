package control

import (
	"context"
	"net/http"
	"net/url"
)

// Connection is how a server and its provider are reached.
type Connection struct {
	// Proxy is the URL of a proxy, "none", or "" for what the environment of the
	// process names.
	Proxy string `json:"proxy"`
	// CAFile is an absolute path of authorities in PEM that are trusted beside the
	// system's, or "".
	CAFile string `json:"caFile"`
}

// ConnectionChange is what to change of it; nil fields stay as they are.
type ConnectionChange struct {
	Proxy  *string `json:"proxy,omitempty"`
	CAFile *string `json:"caFile,omitempty"`
}

// Connector is what the server side needs to change how servers are reached.
// How they are is in the snapshot.
type Connector interface {
	// SetConnection checks a change, makes it in the settings of the server with
	// the name, and returns what was before.
	SetConnection(ctx context.Context, name string, change ConnectionChange) (Connection, error)
}

func (s *Service) connectionRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/servers/{name}/connection", handle(s, func(ctx context.Context, r *http.Request, change ConnectionChange) (any, error) {
		return s.backend.SetConnection(ctx, r.PathValue("name"), change)
	}))
}

// SetConnection changes how the server with the name is reached, and returns
// what was before.
func (c *Client) SetConnection(ctx context.Context, name string, change ConnectionChange) (Connection, error) {
	var before Connection
	err := c.call(ctx, quick, http.MethodPost, "/v1/servers/"+url.PathEscape(name)+"/connection", change, &before)
	return before, err
}
