package control

import (
	"context"
	"log/slog"
	"net/http"
	"testing"

	"drawbridge/test/pipes"
)

// inMemory runs a service without a socket until the test ends, so that the clock
// may be the test's.
func inMemory(t *testing.T, b *backend) (*Client, *Service) {
	t.Helper()
	n := pipes.New()
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	service := NewService(b, slog.New(slog.DiscardHandler))
	ended := make(chan error, 1)
	go func() { ended <- service.Serve(ctx, n) }()
	transport := n.Transport()
	transport.DisableCompression = true // as Dial does
	client := &Client{http: &http.Client{Transport: transport}}
	t.Cleanup(func() {
		client.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return client, service
}
