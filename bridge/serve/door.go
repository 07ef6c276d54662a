package serve

import (
	"net/http"

	"drawbridge/bridge/front/localhttp"
	"drawbridge/bridge/guard"
)

// door is the guard as the front knows it.
type door struct {
	guard  *guard.Guard
	counts *counts
}

// Admit implements localhttp.Guard.
func (d door) Admit(r *http.Request, at localhttp.Target) (localhttp.Caller, localhttp.Refusal) {
	caller, no := d.guard.Admit(r, at.Server)
	if no != nil {
		d.counts.refused(string(no.Code))
		return nil, no
	}
	return who{caller, d.counts}, nil
}

// who is a caller as the front knows it.
type who struct {
	guard.Caller
	counts *counts
}

// Permit implements localhttp.Caller.
func (w who) Permit(at localhttp.Target, method, name string) localhttp.Refusal {
	if no := w.Caller.Permit(at.Server, method, name); no != nil {
		w.counts.refused(string(no.Code))
		return no
	}
	return nil
}
