package control

import (
	"context"
	"net/http"
)

// DemoRunner is what the server side needs for the built-in demo.
type DemoRunner interface {
	// TryDemo starts the demo's servers, unless they run, adds them as a server and
	// begins to sign in there. Without the demo's program it is fault.Unsupported.
	TryDemo(ctx context.Context) (SignIn, error)
}

func (s *Service) demoRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/demo", handle(s, func(ctx context.Context, _ *http.Request, _ none) (any, error) {
		return s.backend.TryDemo(ctx)
	}))
}

// TryDemo starts the built-in demo, adds it as a server and begins to sign in
// there. The demo ends with the agent.
func (c *Client) TryDemo(ctx context.Context) (SignIn, error) {
	var s SignIn
	err := c.call(ctx, slow, http.MethodPost, "/v1/demo", none{}, &s)
	return s, err
}
