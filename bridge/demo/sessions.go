package demo

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

const (
	maxSessions     = 1_000
	sessionIdleTime = time.Hour
	// keepAliveEvery is the pause between comments on an idle stream.
	keepAliveEvery = 30 * time.Second
)

// session is one initialized MCP session. It belongs to the person who began
// it: an id alone proves nothing (MCP security best practices, session hijacking).
type session struct {
	subject string
	seen    time.Time // guarded by sessions.mu
	ended   chan struct{}
}

// sessions keeps the ids of Streamable HTTP sessions in front of mcp-go, whose
// own registry makes all requests of a session share one queue of
// notifications: progress of one call would come out on the stream of another,
// or nowhere. mcp-go therefore runs stateless here, each POST on its own, and
// the standalone GET stream is served from here too.
type sessions struct {
	now func() time.Time

	mu   sync.Mutex
	byID map[string]*session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, byID: map[string]*session{}}
}

// around puts session handling around the MCP handler.
func (s *sessions) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPost:
			s.post(w, r, next)
		case http.MethodGet:
			s.get(w, r)
		case http.MethodDelete:
			s.remove(w, r)
		default:
			w.Header().Set("Allow", "GET, POST, DELETE")
			http.Error(w, "Only GET, POST and DELETE are served here.", http.StatusMethodNotAllowed)
		}
	})
}

func (s *sessions) post(w http.ResponseWriter, r *http.Request, next http.Handler) {
	// mcp-go reads without a limit: it gets what was read with one.
	body, err := readBody(w, r, maxMessage)
	if err != nil {
		http.Error(w, "The message is too long or came too slowly.", http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var message struct {
		Method string `json:"method"`
	}
	_ = json.Unmarshal(body, &message) // what is not JSON is refused by mcp-go
	switch {
	case mcp.IsModernProtocol(r.Header.Get(mcp.HeaderProtocolVersion)):
		// No sessions from 2026-07-28 on.
	case message.Method == string(mcp.MethodInitialize):
		id, ok := s.begin(claimsFrom(r.Context()).Subject)
		if !ok {
			http.Error(w, "Too many sessions are open.", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set(server.HeaderKeySessionID, id)
	default:
		if s.known(w, r) == nil {
			return
		}
	}
	next.ServeHTTP(followProgress(w, r))
}

// get serves the standalone stream. This server has nothing to say of its own
// accord; the stream stays open until the session or the request ends.
func (s *sessions) get(w http.ResponseWriter, r *http.Request) {
	if mcp.IsModernProtocol(r.Header.Get(mcp.HeaderProtocolVersion)) {
		http.Error(w, "There is no standalone stream in this protocol version.", http.StatusMethodNotAllowed)
		return
	}
	current := s.known(w, r)
	if current == nil {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	rc := http.NewResponseController(w)
	ticker := time.NewTicker(keepAliveEvery)
	defer ticker.Stop()
	for {
		if _, err := io.WriteString(w, ": still here\n\n"); err != nil || rc.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-current.ended:
			return
		case <-ticker.C:
		}
	}
}

func (s *sessions) remove(w http.ResponseWriter, r *http.Request) {
	if s.known(w, r) == nil {
		return
	}
	s.mu.Lock()
	s.end(r.Header.Get(server.HeaderKeySessionID))
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// begin makes a session. It is false when too many are open.
func (s *sessions) begin(subject string) (id string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for id, old := range s.byID {
		if now.Sub(old.seen) > sessionIdleTime {
			s.end(id)
		}
	}
	if len(s.byID) >= maxSessions {
		return "", false
	}
	id = random()
	s.byID[id] = &session{subject: subject, seen: now, ended: make(chan struct{})}
	return id, true
}

// end ends a session that is still open. s.mu is held.
func (s *sessions) end(id string) {
	if open, ok := s.byID[id]; ok {
		delete(s.byID, id)
		close(open.ended)
	}
}

// known finds the session that a request names, or answers the request itself:
// 400 without an id, 404 for one that is not this person's (MCP 2025-11-25
// transports, "Session Management").
func (s *sessions) known(w http.ResponseWriter, r *http.Request) *session {
	id := r.Header.Get(server.HeaderKeySessionID)
	if id == "" {
		http.Error(w, "Mcp-Session-Id is missing; send initialize first.", http.StatusBadRequest)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.byID[id]
	if !ok || found.subject != claimsFrom(r.Context()).Subject {
		http.Error(w, "The session is not known; send initialize again.", http.StatusNotFound)
		return nil
	}
	found.seen = s.now()
	return found
}
