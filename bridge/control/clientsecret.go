package control

import (
	"context"
	"net/http"

	"drawbridge/bridge/secret"
)

// SecretKeeper is what the server side needs to take a client secret in. Nothing
// gives one back (ADR 0017).
type SecretKeeper interface {
	// SetClientSecret puts the secret of the client that the person registered
	// for the server with the name into the vault.
	SetClientSecret(ctx context.Context, name string, s secret.String) error
}

// clientSecret is the body of the one request that holds a secret.
type clientSecret struct {
	Name   string `json:"name"`
	Secret string `json:"secret"`
}

func (s *Service) secretRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/client-secret", handle(s, func(ctx context.Context, _ *http.Request, given clientSecret) (any, error) {
		return nil, s.backend.SetClientSecret(ctx, given.Name, secret.New(given.Secret))
	}))
}

// SetClientSecret hands over the secret of the client that the person registered
// for the server with the name. It goes to the vault.
func (c *Client) SetClientSecret(ctx context.Context, name string, s secret.String) error {
	return c.call(ctx, slow, http.MethodPost, "/v1/client-secret", clientSecret{name, s.Reveal()}, nil)
}
