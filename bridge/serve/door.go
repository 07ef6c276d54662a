package serve

import (
	"context"
	"log/slog"
	"net/http"

	"drawbridge/bridge/front/localhttp"
	"drawbridge/bridge/guard"
)

// door is the guard as the front knows it.
type door struct {
	guard  *guard.Guard
	counts *counts
	log    *slog.Logger
	shown  Shown
}

// Shown takes what callers show at servers where it is exchanged.
type Shown interface {
	// Exchanges reports whether a server gets tokens in return for the callers'.
	Exchanges(server string) bool
	// Seen is told of each caller who was admitted there.
	Seen(server string, c guard.Caller)
}

// Admit implements localhttp.Guard.
func (d door) Admit(r *http.Request, at localhttp.Target) (localhttp.Caller, localhttp.Refusal) {
	caller, no := d.guard.Admit(r, at.Server)
	if no != nil {
		d.counts.refused(string(no.Code))
		return nil, no
	}
	exchanged := d.shown != nil && d.shown.Exchanges(at.Server)
	if exchanged {
		d.shown.Seen(at.Server, caller)
	}
	return who{caller, d.counts, d.log, d.shown, at.Server, exchanged}, nil
}

// who is a caller as the front knows it.
type who struct {
	guard.Caller
	counts    *counts
	log       *slog.Logger
	shown     Shown
	server    string
	exchanged bool
}

// Key implements localhttp.Caller. Where tokens are exchanged, a session belongs to
// callers with the same rights only: else one token would be used with another's.
func (w who) Key() string {
	if w.exchanged {
		return w.Rights()
	}
	return w.Caller.Key()
}

// Good implements localhttp.Caller. Where tokens are no longer exchanged, or are from
// now on, nobody goes on as before.
func (w who) Good(ctx context.Context) bool {
	return (w.shown == nil || w.shown.Exchanges(w.server) == w.exchanged) && w.Caller.Good(ctx, w.server)
}

// Permit implements localhttp.Caller.
func (w who) Permit(at localhttp.Target, method, name string) localhttp.Refusal {
	no := w.Caller.Permit(at.Server, method, name)
	w.counts.message(w.Identity, no == nil)
	if no != nil {
		w.counts.refused(string(no.Code))
		w.log.Info("refused", "why", no.Code, "server", at.Server, "method", method, "name", name,
			"caller", w.Subject, "email", w.Email, "client", w.Client, "mode", w.Mode, "request", no.RequestID)
		return no
	}
	if w.log.Enabled(context.Background(), slog.LevelDebug) { // else its arguments would cost each request
		w.log.Debug("allowed", "server", at.Server, "method", method, "name", name, "caller", w.Subject, "client", w.Client, "mode", w.Mode)
	}
	return nil
}
