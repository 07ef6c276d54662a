package tray

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/control"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *time.Time { t := noon.Add(d); return &t }

func TestEntries(t *testing.T) {
	ada := control.Identity{Subject: "u-1", Email: "ada@example.com", Name: "Ada"}
	for _, tc := range []struct {
		name    string
		server  control.Server
		text    string
		changes time.Duration // 0: never
	}{
		{"seconds", control.Server{State: control.SignedIn, Identity: ada, ExpiresAt: at(42 * time.Second)}, "ada@example.com, 42 s left", time.Second},
		{"part of a second", control.Server{State: control.SignedIn, Identity: ada, ExpiresAt: at(41*time.Second + 300*time.Millisecond)}, "ada@example.com, 42 s left", 300 * time.Millisecond},
		{"the last second", control.Server{State: control.SignedIn, Identity: ada, ExpiresAt: at(time.Second)}, "ada@example.com, 1 s left", time.Second},
		{"a minute", control.Server{State: control.SignedIn, Identity: ada, ExpiresAt: at(time.Minute)}, "ada@example.com, 60 s left", time.Second},
		{"minutes", control.Server{State: control.SignedIn, Identity: ada, ExpiresAt: at(5*time.Minute + 20*time.Second)}, "ada@example.com, 5 min left", 20*time.Second + 1},
		{"hours", control.Server{State: control.SignedIn, Identity: ada, ExpiresAt: at(3*time.Hour + 5*time.Minute + time.Second)}, "ada@example.com, 3 h 5 min left", time.Second + 1},
		{"days", control.Server{State: control.SignedIn, Identity: ada, ExpiresAt: at(50*time.Hour + time.Minute)}, "ada@example.com, 2 d 2 h left", time.Minute + 1},
		{"renewable and expired", control.Server{State: control.SignedIn, Identity: ada, ExpiresAt: at(0), Renewable: true}, "ada@example.com, renewed when next used", 0},
		{"expired", control.Server{State: control.SignedIn, Identity: ada, ExpiresAt: at(-time.Hour)}, "ada@example.com, expired", 0},
		{"no expiry", control.Server{State: control.SignedIn, Identity: ada}, "ada@example.com", 0},
		{"a name", control.Server{State: control.SignedIn, Identity: control.Identity{Name: "Ada", Subject: "u"}}, "Ada", 0},
		{"a subject", control.Server{State: control.SignedIn, Identity: control.Identity{Subject: "u"}}, "u", 0},
		{"nobody known", control.Server{State: control.SignedIn}, "signed in", 0},
		{"trouble", control.Server{State: control.Trouble, Identity: ada, ExpiresAt: at(time.Hour)}, "ada@example.com, trouble", 0},
		{"signing in", control.Server{State: control.SigningIn, Identity: ada}, "signing in", 0},
		{"needed", control.Server{State: control.SignInNeeded, Identity: ada}, "sign-in needed", 0},
		{"signed out", control.Server{State: control.SignedOut}, "signed out", 0},
		{"a long name", control.Server{State: control.SignedIn, Identity: control.Identity{Email: strings.Repeat("é", 60)}}, strings.Repeat("é", 39) + "…", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.server.Name = "demo"
			p := draw(control.Snapshot{Servers: []control.Server{tc.server}}, noon)
			if got := p.entries[0].text; got != "demo: "+tc.text {
				t.Errorf("text %q, want %q", got, "demo: "+tc.text)
			}
			var changes time.Duration
			if !p.changes.IsZero() {
				changes = p.changes.Sub(noon)
			}
			if changes != tc.changes {
				t.Errorf("changes after %v, want %v", changes, tc.changes)
			}
		})
	}
}

// At the time at which the words are said to change, they do, and not before.
func TestWordsChangeExactlyWhenSaid(t *testing.T) {
	for _, d := range []time.Duration{1500 * time.Millisecond, 59 * time.Second, time.Minute, 61 * time.Second, 59*time.Minute + 59*time.Second, time.Hour, 25*time.Hour + time.Second, 70 * time.Hour} {
		s := control.Snapshot{Servers: []control.Server{{State: control.SignedIn, ExpiresAt: at(d)}}}
		now := noon
		for range 70 {
			p := draw(s, now)
			if p.changes.IsZero() {
				break
			}
			if before := draw(s, p.changes.Add(-1)); before.entries[0].text != p.entries[0].text {
				t.Fatalf("%v: %q became %q too early", d, p.entries[0].text, before.entries[0].text)
			}
			after := draw(s, p.changes)
			if after.entries[0].text == p.entries[0].text {
				t.Fatalf("%v: %q did not change", d, p.entries[0].text)
			}
			now = p.changes
		}
	}
}

func TestLookAndHeadline(t *testing.T) {
	for _, tc := range []struct {
		states   string
		problem  *control.Problem
		look     look
		headline string
	}{
		{"", nil, allWell, "No servers yet"},
		{"signed_out signed_out", nil, allWell, "Nobody is signed in"},
		{"signed_in signed_out", nil, allWell, "All is well"},
		{"signed_in signing_in", nil, signingIn, "Signing in to s1: go on in your browser"},
		{"signed_in signing_in sign_in_needed", nil, signInNeeded, "s2 needs you to sign in"},
		{"sign_in_needed sign_in_needed", nil, signInNeeded, "2 servers need you to sign in"},
		{"sign_in_needed@notes sign_in_needed@notes", nil, signInNeeded, "notes needs you to sign in"}, // two accounts
		{"trouble@notes trouble@notes trouble@wiki", nil, trouble, "2 servers have trouble"},
		{"sign_in_needed trouble", nil, trouble, "s1 has trouble"},
		{"signed_in", &control.Problem{What: "The settings are damaged."}, trouble, "The settings are damaged."},
	} {
		s := control.Snapshot{Problem: tc.problem}
		for i, state := range strings.Fields(tc.states) {
			state, name, named := strings.Cut(state, "@")
			if !named {
				name = fmt.Sprint("s", i)
			}
			s.Servers = append(s.Servers, control.Server{Name: name, State: control.State(state)})
		}
		if p := draw(s, noon); p.look != tc.look || p.headline != tc.headline {
			t.Errorf("%q: look %d %q, want %d %q", tc.states, p.look, p.headline, tc.look, tc.headline)
		}
	}
}

// Accounts are told apart by name.
func TestEntriesOfAccounts(t *testing.T) {
	server := func(key, label, email string) control.Server {
		return control.Server{
			Key: key, Name: "notes", Label: label, State: control.SignedIn,
			Identity: control.Identity{Email: email}, ExpiresAt: at(90 * time.Minute),
		}
	}
	p := draw(control.Snapshot{Servers: []control.Server{
		server("notes@default", "notes (default)", "ada@example.com"), server("notes@work", "notes (work)", "ada@engine.example"),
	}}, noon)
	want := []string{"notes (default): ada@example.com, 1 h 30 min left", "notes (work): ada@engine.example, 1 h 30 min left"}
	for i, e := range p.entries {
		if e.text != want[i] {
			t.Errorf("text %q, want %q", e.text, want[i])
		}
	}
	if p.entries[1].key != "notes@work" {
		t.Errorf("a click is about %q", p.entries[1].key)
	}
}

func TestWhatCanBeClicked(t *testing.T) {
	problem := &control.Problem{What: "It was refused."}
	var s control.Snapshot
	for _, state := range []control.State{control.SignedIn, control.Trouble, control.SigningIn, control.SignInNeeded, control.SignedOut} {
		s.Servers = append(s.Servers, control.Server{Key: string(state), State: state, Problem: problem})
	}
	got := draw(s, noon).entries
	for i := range got {
		got[i].text = ""
	}
	want := []entry{
		{key: "signed_in", reason: "It was refused.", signInText: "Sign in again", canSignOut: true},
		{key: "trouble", reason: "It was refused.", signInText: "Sign in again", canSignOut: true},
		{key: "signing_in", reason: "It was refused.", signInText: "Open the sign-in page again", cancelText: "Cancel the sign-in"},
		{key: "sign_in_needed", reason: "It was refused.", signInText: "Sign in"},
		{key: "signed_out", reason: "It was refused.", signInText: "Sign in"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(entry{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// One size for all: while the library exchanges the icon, a panel may be sent a
// mixture of the old one and the new one.
func TestIconsHaveOneSize(t *testing.T) {
	entries, err := os.ReadDir("icons")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]image.Point{}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".png" {
			continue
		}
		f, err := os.Open(filepath.Join("icons", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		_ = f.Close()
		if err != nil {
			t.Fatalf("%s: %v", e.Name(), err)
		}
		seen[e.Name()] = img.Bounds().Size()
		if seen[e.Name()] != seen["busy.png"] {
			t.Errorf("%s is %v, busy.png %v", e.Name(), seen[e.Name()], seen["busy.png"])
		}
		if _, err := os.Stat(filepath.Join("icons", strings.TrimSuffix(e.Name(), ".png")+".ico")); err != nil {
			t.Errorf("for Windows: %v", err)
		}
	}
	for _, name := range []string{"ok.png", "busy.png", "needed.png", "trouble.png"} {
		if _, ok := seen[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
}

// What signing out everywhere ends is said before, all of it; it is offered to
// nobody who has nothing to lose.
func TestFarewell(t *testing.T) {
	ada := control.Identity{Email: "ada@example.com"}
	kept := func(label string, state control.State, who control.Identity) control.Server {
		return control.Server{Label: label, State: state, Kept: true, Identity: who}
	}
	var many []control.Server
	var ten []string
	for i := range mostLost + 3 {
		many = append(many, kept(fmt.Sprint("s", i), control.SignedIn, ada))
		if i < mostLost {
			ten = append(ten, fmt.Sprint("s", i, ": ada@example.com"))
		}
	}
	for _, tc := range []struct {
		name    string
		servers []control.Server
		want    farewell
	}{
		{"nothing there", nil, farewell{}},
		{"nobody signed in", []control.Server{{Label: "a", State: control.SignedOut, Identity: ada}, {Label: "b", State: control.SigningIn}, {Label: "c", State: control.SignInNeeded}}, farewell{}},
		{"one", []control.Server{{Label: "a", State: control.SignedOut}, kept("notes", control.SignedIn, ada)}, farewell{lost: []string{"notes: ada@example.com"}, do: "Sign out"}},
		{"of every kind", []control.Server{
			kept("notes (work)", control.SignedIn, ada), kept("b", control.Trouble, control.Identity{}), kept("c", control.SigningIn, ada), kept("https://x.example/mcp", control.SignInNeeded, control.Identity{Subject: "u"}),
		}, farewell{lost: []string{"notes (work): ada@example.com", "b", "c: ada@example.com", "https://x.example/mcp: u"}, do: "Sign out of all 4"}},
		{"as many as are listed", many[:mostLost], farewell{lost: ten, do: "Sign out of all 10"}},
		{"more", many, farewell{lost: ten, more: "and 3 more", do: "Sign out of all 13"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := draw(control.Snapshot{Servers: tc.servers}, noon).farewell
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(farewell{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
