package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"drawbridge/bridge/credential"
)

// describe says in a sentence how a credential stands.
func describe(f credential.Facts, now time.Time) string {
	switch f.State {
	case credential.SignedIn:
	case credential.Open:
		return "Asks nobody to sign in."
	case credential.SignInNeeded:
		if f.Problem != nil {
			return printable(f.Problem.What) + " Sign in: drawbridge login " + f.Server.Label(f.Account)
		}
		return "Needs you to sign in: drawbridge login " + f.Server.Label(f.Account)
	default:
		return "Nobody is signed in. If the server wants it: drawbridge login " + f.Server.Label(f.Account)
	}
	words := fmt.Sprintf("Signed in%s; %s.", as(f), life(f, now))
	if len(f.Wanted) > 0 && f.Problem != nil {
		words += " " + printable(f.Problem.What) + " Allow it: drawbridge login " + f.Server.Label(f.Account)
	}
	return words
}

// as names who is signed in, where that is known.
func as(f credential.Facts) string {
	if f.Display() == "" {
		return ""
	}
	return " as " + printable(f.Display())
}

// works reports whether a call can be made without a person.
func works(f credential.Facts, now time.Time) bool {
	return f.State == credential.SignedIn && (f.Renewable || f.ExpiresAt.IsZero() || now.Before(f.ExpiresAt))
}

// printable makes what a server said fit for a line on a terminal: no control
// characters, none that turn the direction of writing.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return '�'
		}
		return r
	}, s)
}

// life says how long the access token lasts and what happens then.
func life(f credential.Facts, now time.Time) string {
	renews := "it is renewed by itself"
	if !f.Renewable {
		renews = "then you have to sign in again"
	}
	switch {
	case f.ExpiresAt.IsZero():
		return "the access token does not say when it ends"
	case f.ExpiresAt.After(now):
		return fmt.Sprintf("the access token ends in %s (%s); %s", span(f.ExpiresAt.Sub(now)), clock(f.ExpiresAt, now), renews)
	case f.Renewable:
		return fmt.Sprintf("the access token ended %s ago; it is renewed at the next use", span(now.Sub(f.ExpiresAt)))
	default:
		return fmt.Sprintf("the access token ended %s ago and cannot be renewed: sign in again", span(now.Sub(f.ExpiresAt)))
	}
}

func clock(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04")
}

// span writes a duration with its two largest units.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d d %d h", int(d.Hours())/24, int(d.Hours())%24)
	}
}

func stateWords(f credential.Facts, now time.Time) string {
	switch {
	case f.State == credential.Open:
		return "no sign-in needed"
	case f.State == credential.SignedIn && !works(f, now):
		return "sign-in needed"
	case f.State == credential.SignedIn && len(f.Wanted) > 0:
		return "sign-in needed"
	case f.State == credential.SignedIn && f.Problem != nil:
		return "trouble"
	case f.State == credential.SignedIn:
		return "signed in"
	case f.State == credential.SignInNeeded:
		return "sign-in needed"
	}
	return "signed out"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
