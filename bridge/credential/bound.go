package credential

import (
	"fmt"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
)

// ClientAt is where a client that a person registered is at home.
type ClientAt struct {
	ID     string `json:"id"`
	Issuer string `json:"issuer"`
}

// checkHome refuses to take a client that a person registered to another
// authorization server than the one that it was used at, by any account: the MCP
// server may name whatever it likes, and the one named would get the secret (MCP
// 2026-07-28, authorization server binding). A person who says the issuer in the
// settings has said that it is right.
func (a *Account) checkHome(d oauth.Discovery) error {
	if a.server.ClientID == "" || a.server.OAuth.Endpoints.Issuer == d.Server.Issuer {
		return nil
	}
	all, err := a.m.AllFacts()
	if err != nil {
		a.m.log.Warn("some facts unreadable", "error", err)
	}
	home := ""
	for _, f := range all {
		at := f.ClientAt
		if at == nil && f.ClientID == a.server.ClientID && f.Issuer != "" { // written before there was such
			at = &ClientAt{f.ClientID, f.Issuer}
		}
		switch {
		case !f.isAt(a.server) || at == nil || at.ID != a.server.ClientID:
		case at.Issuer == d.Server.Issuer:
			return nil
		default:
			home = at.Issuer
		}
	}
	if home == "" {
		return nil
	}
	return fault.New(fault.Refused,
		fmt.Sprintf("%s now names %q as its authorization server, but your client %q is registered at %q.", a.Name(), d.Server.Issuer, a.server.ClientID, home),
		fmt.Sprintf("Nothing was sent there. If you have registered it at the new one, too, say so: drawbridge login %s --issuer %s; otherwise tell whoever runs the server.", a.Name(), d.Server.Issuer))
}

// noteHome remembers where the client of the settings has got tokens.
func (f *Facts) noteHome(given string, r *record) {
	if given != "" && r.Client.ClientID == given {
		f.ClientAt = &ClientAt{given, r.Issuer}
	}
}
