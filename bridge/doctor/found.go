package doctor

import (
	"strings"
	"unicode"

	"drawbridge/bridge/doctor/report"
)

// maxFound bounds a word of a server's in report.Found, in runes.
const maxFound = 200

// learned sums up what somebody wants to know before adding the server.
func (w *walk) learned() report.Found {
	f := report.Found{Name: plain(w.resource.ResourceName), Scopes: []string{}, Open: w.open}
	if !w.usable || w.open {
		return f
	}
	m, known := w.found.Server, w.found.Preset
	f.Provider, f.Issuer = known.Name, plain(m.Issuer)
	asked := w.Server.Scopes
	if len(asked) == 0 {
		asked = w.found.Scopes
	}
	for _, s := range asked {
		f.Scopes = append(f.Scopes, plain(s))
	}
	switch {
	case w.Server.ClientID != "":
		f.Registration = report.AsGiven
	case w.Server.OAuth.ClientMetadataURL != "" && m.ClientIDMetadataDocumentSupported:
		f.Registration = report.ByDocument
	case m.RegistrationEndpoint != "" && !known.ByHand:
		f.Registration = report.ByItself
	default:
		f.Registration, f.RedirectURI, f.Secret = report.ByHand, redirectURI, known.Secret
	}
	return f
}

// plain bounds a word and takes out what could deceive the eye.
func plain(s string) string {
	runes := []rune(strings.ToValidUTF8(s, "\uFFFD"))
	if len(runes) > maxFound {
		runes = append(runes[:maxFound], '…')
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, string(runes))
}
