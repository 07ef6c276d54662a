package oauth

import (
	"fmt"
	"net/url"
	"strings"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

// maxPasted is how long a pasted address may be, in bytes.
const maxPasted = 64 << 10

// Paste takes the address that a browser on another computer ended on, as the
// person copied it: there the callback cannot be reached. It is judged as the
// browser's own request would be: only one with the state of an attempt counts,
// Wait checks the issuer, and the first answer is the only one.
//
// Its errors are fault.Usage and say what to copy; the wait goes on.
func (cb *Callback) Paste(text string) error {
	const copyIt = "Copy the whole address from the browser's address bar when it shows a page that cannot be opened."
	text = strings.Trim(strings.TrimSpace(text), "\"'<>")
	wrong := func(what string) error {
		return fault.New(fault.Usage, what, fmt.Sprintf("%s It begins with %s?", copyIt, cb.RedirectURI()))
	}
	u, err := url.Parse(text)
	switch {
	case text == "":
		return wrong("Nothing was pasted.")
	case len(text) > maxPasted:
		return wrong("What was pasted is too long for an address.")
	case err != nil, u.Host == "":
		return wrong("What was pasted is no address.")
	case u.Scheme != "http", !strings.EqualFold(u.Host, cb.host), u.Path != cb.path:
		return wrong("What was pasted is not the address that this sign-in ends on.")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil || len(q["state"]) != 1 {
		return wrong("What was pasted is not all of the address.")
	}
	at, _, _ := cb.find(secret.New(q.Get("state")))
	if at == nil {
		return fault.New(fault.Usage, "What was pasted belongs to another sign-in.", "Open the address that was printed last, and copy the one that it ends on.")
	}
	cb.mu.Lock()
	first := !at.answered
	at.answered = true
	at.pasted = at.pasted || first
	cb.mu.Unlock()
	if !first {
		return fault.New(fault.Usage, "This sign-in has its answer already.", "Wait for its end.")
	}
	at.arrived <- q
	return nil
}

// wasPasted reports whether no browser waits for the outcome of an attempt.
func (cb *Callback) wasPasted(at *attempt) bool {
	cb.mu.Lock()
	defer cb.mu.Unlock()
	return at.pasted
}
