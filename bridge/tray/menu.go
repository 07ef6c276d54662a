package tray

import (
	"fmt"
	"time"

	"drawbridge/bridge/control"
)

// look is which icon is shown.
type look int

const (
	allWell look = iota
	signingIn
	signInNeeded
	trouble
)

// entry is the menu entry of one server.
type entry struct {
	key  string
	text string
	// reason is said below the entry; "" when there is nothing to say.
	reason string
	// signInText labels the way to sign in; cancelText the way to give one up, ""
	// when none is under way.
	signInText, cancelText string
	canSignOut             bool
	// canCopy is true when there is an entry for an MCP client to copy.
	canCopy bool
}

// mostLost is how many sign-ins are listed before signing out of all.
const mostLost = 10

// farewell is the entry that signs out everywhere. A tray has no dialogs: what
// will be lost is said above the line that does it.
type farewell struct {
	// lost has a line for each sign-in, up to mostLost; more counts the others.
	lost []string
	more string
	// do labels the line that does it; "" hides the whole entry.
	do string
}

// picture is all that the tray shows.
type picture struct {
	look     look
	headline string
	entries  []entry
	farewell farewell
	// atLogin is whether the agent starts at login; nil offers no choice.
	atLogin *bool
	hidden  bool
	// changes is when the same snapshot looks different, because time went by;
	// zero for never.
	changes time.Time
}

// draw makes the picture of a snapshot at a time.
func draw(s control.Snapshot, now time.Time) picture {
	now = now.Round(0) // the clock on the wall: it goes on while the machine sleeps
	p := picture{}
	count := tally{}
	reason := "" // of the first trouble
	for _, server := range s.Servers {
		text, changes := describe(server, now)
		if !changes.IsZero() && (p.changes.IsZero() || changes.Before(p.changes)) {
			p.changes = changes
		}
		e := entry{key: server.Key, text: nameOf(server) + ": " + text, signInText: "Sign in", canCopy: server.Named}
		switch server.State {
		case control.SignedIn, control.Trouble:
			e.signInText, e.canSignOut = "Sign in again", true
		case control.SigningIn:
			e.signInText, e.cancelText = "Open the sign-in page again", "Cancel the sign-in"
		}
		if server.Problem != nil {
			e.reason = server.Problem.What
		}
		if server.State == control.Trouble && reason == "" {
			reason = e.reason
		}
		p.entries = append(p.entries, e)
		count.add(server)
	}
	p.farewell = lost(s.Servers)
	if wish := s.Preferences; wish != nil {
		p.hidden = !wish.Tray
		if wish.CanStartAtLogin {
			p.atLogin = &wish.StartAtLogin
		}
	}
	switch {
	case s.Problem != nil:
		p.look, p.headline = trouble, s.Problem.What
	case len(count[control.Trouble]) > 0:
		p.look, p.headline = trouble, count.words(control.Trouble, "%s has trouble", "%d servers have trouble")
		if len(count[control.Trouble]) == 1 && reason != "" {
			p.headline += ": " + reason
		}
	case len(count[control.SignInNeeded]) > 0:
		p.look, p.headline = signInNeeded, count.words(control.SignInNeeded, "%s needs you to sign in", "%d servers need you to sign in")
	case len(count[control.SigningIn]) > 0:
		p.look, p.headline = signingIn, count.words(control.SigningIn, "Signing in to %s: go on in your browser", "%d sign-ins under way: go on in your browser")
	case len(s.Servers) == 0:
		p.headline = "No servers yet"
	case len(count[control.SignedIn]) == 0:
		p.headline = "Nobody is signed in"
	default:
		p.headline = "All is well"
	}
	return p
}

// tally counts servers by state. One with two accounts is one server, so they
// are told apart by name.
type tally map[control.State]map[string]bool

func (t tally) add(s control.Server) {
	if t[s.State] == nil {
		t[s.State] = map[string]bool{}
	}
	t[s.State][s.Name] = true
}

// words says which server is in a state, or how many are.
func (t tally) words(state control.State, one, many string) string {
	if len(t[state]) > 1 {
		return fmt.Sprintf(many, len(t[state]))
	}
	name := ""
	for name = range t[state] { // the only one
	}
	return fmt.Sprintf(one, shorten(name, 60))
}

// lost lists the sign-ins that signing out everywhere ends.
func lost(servers []control.Server) farewell {
	var f farewell
	count := 0
	for _, server := range servers {
		if !server.Kept {
			continue
		}
		if count++; count > mostLost {
			continue
		}
		line := shorten(nameOf(server), 60)
		if name := displayed(server.Identity); name != "" {
			line += ": " + name
		}
		f.lost = append(f.lost, line)
	}
	if more := count - mostLost; more > 0 {
		f.more = fmt.Sprintf("and %d more", more)
	}
	if count > 0 {
		f.do = plural(count, "Sign out", "Sign out of all %d")
	}
	return f
}

// describe says in a few words how a server stands, and when these words change.
func describe(s control.Server, now time.Time) (text string, changes time.Time) {
	switch s.State {
	case control.SigningIn:
		return "signing in", time.Time{}
	case control.SignInNeeded:
		return "sign-in needed", time.Time{}
	case control.SignedIn, control.Trouble:
	default:
		return "signed out", time.Time{}
	}
	text = who(s.Identity)
	if s.State == control.Trouble {
		return text + ", trouble", time.Time{}
	}
	if s.ExpiresAt == nil {
		return text, time.Time{}
	}
	remaining := s.ExpiresAt.Round(0).Sub(now)
	if remaining <= 0 {
		if s.Renewable {
			return text + ", renewed when next used", time.Time{}
		}
		return text + ", expired", time.Time{}
	}
	words, stays := left(remaining)
	return text + ", " + words, now.Add(stays)
}

// nameOf is what a row is called: the account is named where the server's name
// alone does not say it.
func nameOf(s control.Server) string {
	if s.Label != "" {
		return s.Label
	}
	return s.Name
}

func who(i control.Identity) string {
	if name := displayed(i); name != "" {
		return name
	}
	return "signed in"
}

// displayed is the name of a person, or "".
func displayed(i control.Identity) string {
	for _, name := range []string{i.Email, i.Name, i.Subject} {
		if name != "" {
			return shorten(name, 40)
		}
	}
	return ""
}

// left says how much time is left, and for how long these words stay true. Only
// the last minute is counted in seconds.
func left(d time.Duration) (words string, stays time.Duration) {
	const day = 24 * time.Hour
	switch {
	case d <= time.Minute:
		n := (d + time.Second - 1) / time.Second // rounded up: it ends with "1 s", not with "0 s"
		return fmt.Sprintf("%d s left", n), d - (n-1)*time.Second
	case d < 2*time.Minute:
		return "1 min left", d - time.Minute
	case d < time.Hour:
		return fmt.Sprintf("%d min left", d/time.Minute), d%time.Minute + 1
	case d < day:
		return fmt.Sprintf("%d h %d min left", d/time.Hour, d%time.Hour/time.Minute), d%time.Minute + 1
	default:
		return fmt.Sprintf("%d d %d h left", d/day, d%day/time.Hour), d%time.Hour + 1
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(many, n)
}

// shorten cuts what would make the menu as wide as the screen.
func shorten(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
