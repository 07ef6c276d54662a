package cli

import (
	"context"
	"testing"

	"drawbridge/bridge/control"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/session"
)

// heard keeps what an agent would be told.
type heard struct{ control.Session }

func (h *heard) Update(change func(*control.Session)) { change(&h.Session) }

// found is a server whose transport shows with initialize.
type found struct {
	session.Remote
	old *bool
}

func (f found) Open(context.Context, []byte, remote.Deliver) error {
	*f.old = !*f.old
	return nil
}

// A server that speaks HTTP+SSE is shown as one, from the moment that it is known,
// and one that has learnt the newer transport meanwhile as that.
func TestTransportIsTheOneInUse(t *testing.T) {
	h, old := &heard{control.Session{Transport: overHTTP}}, false
	a := agreed{found{old: &old}, func() bool { return old }, h}
	for _, want := range []string{"http+sse", "streamable-http"} {
		if err := a.Open(t.Context(), nil, nil); err != nil || h.Transport != want {
			t.Errorf("transport %q, want %q (%v)", h.Transport, want, err)
		}
	}
}
