package tour

import (
	"context"
	"encoding/json"
	"io"

	"drawbridge/bridge/demo"
	"drawbridge/bridge/fault"
)

// Served is the line that -serve prints once the servers answer.
type Served struct {
	// URL is the address of the demo's MCP server.
	URL string `json:"url"`
}

// serve runs the demo's two servers and nothing else, for whoever started it:
// until ctx or stdin ends. A starter that is killed thus leaves none behind.
func (t *tour) serve(ctx context.Context, addr string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server, err := demo.Start(ctx, demo.Config{Addr: addr, TokenLifetime: t.lifetime})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "The demo's servers could not be started.", "Another one may be running; leave -addr out.")
	}
	defer func() { _ = server.Close() }()
	if err := json.NewEncoder(t.Stdout).Encode(Served{server.URL()}); err != nil {
		return err
	}
	go func() { // ends with stdin, at the latest with the process
		_, _ = io.Copy(io.Discard, t.Stdin)
		cancel()
	}()
	<-ctx.Done()
	return nil
}
