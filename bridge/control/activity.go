package control

import (
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Session is one client that is connected through Drawbridge to one account of
// a server now. It holds no arguments, no results and no secret.
type Session struct {
	// ID is the agent's, for as long as it lives.
	ID string `json:"id"`
	// Key is the credential's, as in Server.Key.
	Key string `json:"key"`
	// Server is the server's name, or its URL; Account one of its accounts.
	Server  string `json:"server"`
	Account string `json:"account"`
	// Client and ClientVersion are what the client says of itself; "" before it did.
	Client        string `json:"client"`
	ClientVersion string `json:"clientVersion"`
	// Front is how the client is connected to us ("stdio"), Transport how we are
	// to the server ("streamable-http" or "http+sse").
	Front     string `json:"front"`
	Transport string `json:"transport"`
	// Era is the version of MCP that is spoken; "" before it is agreed on.
	Era   string    `json:"era"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since" ts_type:"string"`

	// CanCapture is true when its process can tell what calls are about, and
	// Capturing while the person has that kept; see Activity.Capture.
	CanCapture bool `json:"canCapture"`
	Capturing  bool `json:"capturing"`

	// Calls and Failures count since then; Failures are those that the client got
	// an error for.
	Calls    uint64 `json:"calls"`
	Failures uint64 `json:"failures"`
	// LastCall is when the last one was made; nil before the first.
	LastCall *time.Time `json:"lastCall" ts_type:"string | null"`
	// LastFailure says of the last failed one what it was and why; "" when there was none.
	LastFailure string `json:"lastFailure"`
}

// Call is one request of a client and how it ended. It holds no arguments and no
// results, but for Content.
type Call struct {
	// Seq increases with each call that the agent is told of.
	Seq     uint64    `json:"seq"`
	At      time.Time `json:"at" ts_type:"string"`
	Session string    `json:"session"`
	Key     string    `json:"key"`
	Server  string    `json:"server"`
	Account string    `json:"account"`
	Client  string    `json:"client"`
	Method  string    `json:"method"`
	// Tool is the name that tools/call or prompts/get is about, else "".
	Tool string `json:"tool"`
	// Took is the time to the answer, in milliseconds.
	Took float64 `json:"took"`
	// Status is "ok", "tool_error" (a result that says so), "error" (the server's),
	// "failed" (the server could not be asked) or "cancelled".
	Status string `json:"status"`
	// Reason is the code of the error, in words or as a number; "" for none.
	Reason string `json:"reason"`
	// Captured is true while what it was about can be asked for; see Captured.
	Captured bool `json:"captured,omitempty"`
	// Content is that, on its way from the client's process; nil but in a capture.
	Content *Captured `json:"content,omitempty"`
}

// The statuses of a Call.
const (
	CallOK        = "ok"
	CallToolError = "tool_error"
	CallError     = "error"
	CallFailed    = "failed"
	CallCancelled = "cancelled"
)

// Failed reports whether the client got an error.
func (c Call) Failed() bool { return c.Status != CallOK && c.Status != CallCancelled }

// ActivityChange is one line of the stream of activity.
type ActivityChange struct {
	// Sessions are all that are open now; null when nothing about them changed.
	Sessions []Session `json:"sessions"`
	// Calls are those that ended since the line before, oldest first.
	Calls []Call `json:"calls"`
	// Renewals are those that are remembered, and those to come, oldest first; null
	// when nothing about them changed.
	Renewals []Renewal `json:"renewals"`
	// Dropped counts the calls that no client told because the agent was slow.
	Dropped uint64 `json:"dropped"`
}

const (
	// MaxCalls is how many calls the agent remembers.
	MaxCalls = 100_000
	// MaxSessions is how many sessions are kept track of, with their calls.
	MaxSessions = 1000
	// maxWord bounds a name that a client or a server chose, in bytes.
	maxWord = 200
	// maxWords bounds the names that are kept once for all calls.
	maxWords = 4096
)

// stored is a Call as it is remembered: 100,000 of them take about 7 MB.
type stored struct {
	at             time.Time
	who            *Session // as it was opened; immutable but for Client
	method, tool   string
	reason, status string
	took           float32
}

// Activity is what clients do now and have done lately: the sessions that are
// open, and the last MaxCalls calls, in memory only. It is safe for concurrent
// use; the zero value is ready.
type Activity struct {
	mu       sync.Mutex
	sessions []*Session
	names    map[*Session]*Session // what stored.who points to
	ring     []stored
	next     int    // where the ring goes on, once it is full
	seq      uint64 // of the last call
	dropped  uint64
	version  uint64               // of sessions
	capture  *capture             // nil: nothing is captured
	orders   map[*Session]*orders // to the processes that take any
	renewals []Renewal
	renewed  uint64 // version of renewals
	changed  chan struct{}
	words    map[string]string
}

// open takes a session in and returns what updates and ends it, or nil when
// there are too many.
func (a *Activity) open(s Session, hears *orders) *Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.sessions) >= MaxSessions {
		return nil
	}
	s.Calls, s.Failures, s.LastCall, s.LastFailure = 0, 0, nil, ""
	s.CanCapture, s.Capturing = hears != nil, false
	s.clean()
	entry := &s
	if hears != nil {
		if a.orders == nil {
			a.orders = map[*Session]*orders{}
		}
		a.orders[entry] = hears
	}
	a.sessions = append(a.sessions, entry)
	a.touch(true)
	return entry
}

// update takes over what a client has said of itself by now.
func (a *Activity) update(entry *Session, s Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.clean()
	if s.Client != entry.Client {
		delete(a.names, entry) // calls before this keep the name that they had
	}
	entry.Client, entry.ClientVersion, entry.Era, entry.Transport = s.Client, s.ClientVersion, s.Era, s.Transport
	a.touch(true)
}

// add remembers calls of a session, and how many were dropped before them.
func (a *Activity) add(entry *Session, calls []Call, dropped uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	who, ok := a.names[entry]
	if !ok {
		copied := *entry
		who = &copied
		if a.names == nil {
			a.names = map[*Session]*Session{}
		}
		a.names[entry] = who
	}
	a.dropped += dropped
	for _, c := range calls {
		one := stored{at: c.At, who: who, method: a.word(c.Method), tool: a.word(c.Tool), reason: a.word(c.Reason), status: a.word(c.Status), took: float32(c.Took)}
		if len(a.ring) < MaxCalls {
			a.ring = append(a.ring, one)
		} else {
			a.ring[a.next] = one
			a.next = (a.next + 1) % MaxCalls
		}
		a.seq++
		a.keep(entry, a.seq, c.Content)
		entry.Calls++
		at := c.At
		entry.LastCall = &at
		if c.Failed() {
			entry.Failures++
			entry.LastFailure = strings.TrimSpace(one.method+" "+one.tool) + ": " + firstOf(one.reason, one.status)
		}
	}
	a.touch(true)
}

func (a *Activity) close(entry *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions = slices.DeleteFunc(a.sessions, func(s *Session) bool { return s == entry })
	if a.capture != nil && a.capture.session == entry {
		a.endCapture()
	}
	delete(a.names, entry)
	delete(a.orders, entry)
	a.touch(true)
}

// touch tells the readers.
func (a *Activity) touch(sessions bool) {
	if sessions {
		a.version++
	}
	if a.changed != nil {
		close(a.changed)
		a.changed = nil
	}
}

// word keeps one copy of each name, for there are few and many calls.
func (a *Activity) word(s string) string {
	if known, ok := a.words[s]; ok {
		return known
	}
	if a.words == nil || len(a.words) >= maxWords {
		a.words = map[string]string{}
	}
	kept := cleanWord(s)
	a.words[strings.Clone(s)] = kept
	return kept
}

// versions are those of the sessions and the renewals that a reader has seen.
type versions struct{ sessions, renewals uint64 }

// unseen is what a reader has seen who has seen nothing.
var unseen = versions{^uint64(0), ^uint64(0)}

// look returns at most most calls after the one with the seq, the sessions
// and the renewals when their version is another than seen, and a channel that is closed at the next
// change.
func (a *Activity) look(after uint64, seen versions, most int) (change ActivityChange, last uint64, now versions, changed <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.changed == nil {
		a.changed = make(chan struct{})
	}
	first := a.seq - uint64(len(a.ring)) // the seq before the oldest one that is kept
	after = max(after, first)
	if after > a.seq {
		after = a.seq
	}
	count := min(int(a.seq-after), most)
	change.Calls = make([]Call, 0, count)
	for i := range count {
		seq := after + uint64(i) + 1
		c := a.ring[(a.next+int(seq-first-1))%len(a.ring)]
		change.Calls = append(change.Calls, Call{
			Seq: seq, At: c.at, Session: c.who.ID, Key: c.who.Key, Server: c.who.Server, Account: c.who.Account, Client: c.who.Client,
			Method: c.method, Tool: c.tool, Took: float64(c.took), Status: c.status, Reason: c.reason,
		})
	}
	if a.capture != nil {
		for i, c := range change.Calls {
			_, change.Calls[i].Captured = a.capture.kept[c.Seq]
		}
	}
	change.Dropped = a.dropped
	if a.renewed != seen.renewals {
		change.Renewals = append([]Renewal{}, a.renewals...)
	}
	if a.version != seen.sessions {
		change.Sessions = make([]Session, 0, len(a.sessions))
		for _, s := range a.sessions {
			change.Sessions = append(change.Sessions, *s)
		}
	}
	return change, after + uint64(count), versions{a.version, a.renewed}, a.changed
}

// Sessions returns the sessions that are open now.
func (a *Activity) Sessions() []Session {
	change, _, _, _ := a.look(^uint64(0), unseen, 0)
	return change.Sessions
}

func (s *Session) clean() {
	for _, word := range []*string{&s.ID, &s.Key, &s.Server, &s.Account, &s.Client, &s.ClientVersion, &s.Front, &s.Transport, &s.Era} {
		*word = cleanWord(*word)
	}
}

// cleanWord bounds a name and takes out what could deceive on a terminal or a page.
func cleanWord(s string) string {
	if len(s) > maxWord {
		s = strings.ToValidUTF8(s[:maxWord], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}
