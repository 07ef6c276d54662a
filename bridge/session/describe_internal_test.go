package session

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
	"drawbridge/bridge/secret"
)

// signedIn is an account with a token; named is told when its name is asked.
type signedIn struct {
	Credential
	named func()
}

func (a signedIn) Bearer(context.Context) (secret.String, error) { return secret.New("t"), nil }

func (a signedIn) Name() string {
	if a.named != nil {
		a.named()
	}
	return "demo"
}

// Who waits for the sign-in and finds the session there, before what has changed is
// told, leaves that to who has opened it: the client is told once.
func TestTheEndOfAnOfferIsToldOnce(t *testing.T) {
	for name, described := range map[string]bool{"of a session that was not there": true, "of one that was": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := 0
				s := New(Config{Remote: &streams{over: make(chan struct{})}, Credential: signedIn{}, Send: func(raw []byte) error {
					if strings.Contains(string(raw), mcp.NotificationToolsListChanged) {
						told++
					}
					return nil
				}})
				defer s.Close(time.Second)
				s.greet()
				s.mu.Lock()
				s.offered, s.described = true, described
				s.picture = picture{shown: json.RawMessage(`{}`), actual: json.RawMessage(`{"capabilities":{"tools":{}}}`)}
				if !described {
					s.picture.shown = s.picture.actual
				}
				s.mu.Unlock()
				s.becameReady(false)
				s.watchOffer()
				time.Sleep(2 * lookAgain)
				s.compare()
				synctest.Wait()
				if told != 1 {
					t.Errorf("told %d times", told)
				}
			})
		})
	}
}

// A server that answers while the description of one that is slow is being made has
// described itself: there is nothing to look at again.
func TestAServerThatIsQuickEnoughIsNotDescribed(t *testing.T) {
	var s *Session
	s = New(Config{
		Remote: &streams{over: make(chan struct{})}, Send: func([]byte) error { return nil },
		Credential: signedIn{named: func() { s.claim(json.RawMessage(`{"capabilities":{}}`), false) }},
	})
	defer s.Close(time.Second)
	s.giveMinimal(jsonrpc.Message{ID: json.RawMessage("0")}, errors.New("slow"))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.described || strings.Contains(string(s.picture.given), "drawbridge") {
		t.Errorf("described %v, given %s", s.described, s.picture.given)
	}
}
