package oauth

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"drawbridge/bridge/secret"
)

// maxShown is how many characters of a foreign string a message shows.
const maxShown = 200

// shown makes a string that somebody else wrote fit for one line of a message:
// quoted, without control or direction characters, not longer than maxShown.
func shown(s string) string {
	if runes := []rune(s); len(runes) > maxShown {
		s = string(runes[:maxShown]) + "…"
	}
	return strconv.QuoteToGraphic(s)
}

// plain is shown without the quotes, for the log, and without the secrets.
func plain(s string, secrets ...secret.String) string {
	var pairs []string
	for _, x := range secrets {
		if !x.IsZero() {
			pairs = append(pairs, x.Reveal(), "[redacted]", url.QueryEscape(x.Reveal()), "[redacted]")
		}
	}
	s = strings.NewReplacer(pairs...).Replace(s)
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxShown {
		s = string(runes[:maxShown]) + "…"
	}
	return s
}

// codeForm reports whether s can be an OAuth error code that a message may name.
func codeForm(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_-0123456789") == ""
}

// withoutQuery is the URL as it may stand in a log: a query can hold an API key.
func withoutQuery(u *url.URL) string {
	c := *u
	c.RawQuery, c.Fragment, c.User, c.ForceQuery = "", "", nil, false
	return c.String()
}
