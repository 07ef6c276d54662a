package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// signOutEverywhere ends every sign-in on this computer, after showing what
// will be lost and asking.
func (a *app) signOutEverywhere(ctx context.Context, yes bool) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	m, err := a.manager(p, a.quietLog())
	if err != nil {
		return err
	}
	defer closeManager(m)
	kept, err := m.Kept()
	a.warn(err)
	if len(kept) == 0 {
		a.cancelSignIns(ctx, p, "")
		fmt.Fprintln(a.Stderr, "Nobody is signed in anywhere.")
		return nil
	}
	fmt.Fprintln(a.Stderr, "This ends these sign-ins, for every client on this computer:")
	w := tabwriter.NewWriter(a.Stderr, 0, 4, 2, ' ', 0)
	for _, f := range kept {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", nameOf(f), dash(f.Display()), f.Server.URL)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.Stderr, "The tokens are revoked and deleted, stored client secrets and registrations deleted. The servers stay.")
	if !yes {
		if !a.canAsk() {
			return fault.New(fault.Usage, "Nothing was signed out: there is nobody to ask.", "Add --yes to go on without a question.")
		}
		if yes, err := a.ask(ctx, "Sign out of all of them?"); err != nil || !yes {
			return err
		}
	}
	a.cancelSignIns(ctx, p, "") // one that ends well now would be a sign-in that nobody saw in the list
	outcomes, err := m.SignOutEverywhere(ctx)
	for _, o := range outcomes {
		switch {
		case o.Err == nil:
			fmt.Fprintf(a.Stderr, "Signed out of %s.\n", nameOf(o.Facts))
		case errors.Is(o.Err, credential.ErrNotRevoked):
			a.warn(o.Err)
		default:
			err = errors.Join(err, o.Err)
		}
	}
	return err
}

// cancelSignIns ends the sign-ins that an agent has under way, of the credential
// with the key or, for "", all of them. Without an agent there are none.
func (a *app) cancelSignIns(ctx context.Context, p config.Paths, key string) {
	client := control.Dial(p)
	defer client.Close()
	if err := client.CancelSignIns(ctx, key); err != nil && !fault.Is(err, fault.AgentAway) {
		a.warn(err)
	}
}

// nameOf is how a person calls a sign-in: NAME, NAME@ACCOUNT or the URL.
func nameOf(f credential.Facts) string {
	switch {
	case f.Server.Name == "":
		return f.Server.URL
	case f.Account == "" || f.Account == "default":
		return f.Server.Name
	}
	return f.Server.Name + "@" + f.Account
}
