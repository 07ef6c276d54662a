package agent

import (
	"context"
	"fmt"

	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// maxSecret bounds a client secret, in bytes.
const maxSecret = 4 << 10

// SetClientSecret implements control.SecretKeeper.
func (a *Agent) SetClientSecret(ctx context.Context, name string, s secret.String) error {
	who, account, err := a.find(control.Named(name))
	if err != nil {
		return err
	}
	switch {
	case who.server.ClientID == "":
		return fault.New(fault.Usage, fmt.Sprintf("%s has no client ID that a secret could belong to.", who.server.Name), "Give the client ID with it.")
	case s.IsZero() || len(s.Reveal()) > maxSecret:
		return fault.New(fault.Usage, "That is no client secret.", "Copy it from the provider's page again.")
	}
	return account.SetClientSecret(ctx, s)
}
