package adopt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
)

// atOnce is how many servers are asked at the same time.
const atOnce = 4

// Verify finds out, for each server, what becomes of its sign-in. It asks the
// servers and their providers for metadata and sends no token.
func (f *Found) Verify(ctx context.Context, m *credential.Manager) {
	slots := make(chan struct{}, atOnce)
	var work sync.WaitGroup
	for _, s := range f.Servers {
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			s.verify(ctx, m)
		})
	}
	work.Wait()
}

func (s *Server) verify(ctx context.Context, m *credential.Manager) {
	account := m.Account(s.Server, "")
	in, err := s.adopted()
	switch {
	case err != nil:
		s.SignIn = s.needed("mcp-remote's files cannot be read: " + err.Error() + ".")
	case in == nil:
		s.SignIn = s.withoutTokens(account)
	default:
		s.SignIn = s.outcome(account.CanAdopt(ctx, *in), in)
	}
}

// adopted is the sign-in as its files say it now, with what the command line
// adds. It is nil without tokens.
func (s *Server) adopted() (*credential.Adopted, error) {
	if s.Stored == nil {
		return nil, nil
	}
	in, err := s.Stored.adopted()
	if err != nil || in == nil {
		return nil, err
	}
	in.Resource, in.NoResource = s.line.resource, s.line.noResource
	switch {
	case s.Server.ClientID != "": // never in the file
		in.Client.ClientID, in.Client.Secret, in.Client.AuthMethod = s.Server.ClientID, s.clientSecret, ""
		in.Issuers = in.Issuers[:1] // the other is of a client that was registered before
	case in.Client.ClientID == "": // a document's address is not filed either
		in.Client.ClientID = s.line.clientMetadataURL
	}
	return in, nil
}

func (s *Server) withoutTokens(account *credential.Account) SignIn {
	if f, err := account.Facts(); err == nil && f.State == credential.SignedIn {
		return SignIn{State: Already}
	}
	return s.needed("mcp-remote keeps no sign-in for it.")
}

func (s *Server) needed(says string) SignIn {
	return SignIn{State: Needed, Says: says, Next: "If the server asks for it: drawbridge login " + s.Server.Name}
}

// outcome puts the result of CanAdopt or Adopt into words.
func (s *Server) outcome(err error, in *credential.Adopted) SignIn {
	switch {
	case err == nil && slices.Contains(s.line.flags, "--use-id-token"):
		return s.needed("The server wants the ID token (--use-id-token), which Drawbridge does not send.")
	case err == nil:
		says := "It is renewed by itself."
		if in.Tokens.Refresh.IsZero() {
			says = "It cannot be renewed: when it ends you have to sign in."
		}
		return SignIn{State: TakeOver, Says: says}
	case errors.Is(err, credential.ErrSignedIn):
		return SignIn{State: Already}
	case errors.Is(err, credential.ErrOpen):
		return SignIn{State: Open, Says: "The server asks nobody to sign in."}
	}
	p := fault.Public(err)
	next := "Sign in: drawbridge login " + s.Server.Name
	if p.Code == fault.Unreachable {
		next = fmt.Sprintf("Try the import again when the server can be reached, or sign in then: drawbridge login %s", s.Server.Name)
	}
	return SignIn{State: Needed, Says: p.What, Next: next, away: p.Code == fault.Unreachable}
}
