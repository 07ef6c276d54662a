package cli

import (
	"fmt"
	"log/slog"
	"strings"

	"drawbridge/bridge/audit"
	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/guard"
	"drawbridge/bridge/session"
)

// callerHeaders tell a server who the caller of the local bridge is. What has no
// place in a header is percent-encoded, a percent sign as well.
func callerHeaders(id *guard.Identity) map[string]string {
	headers := map[string]string{}
	for name, value := range map[string]string{"X-Drawbridge-Subject": id.Subject, "X-Drawbridge-Email": id.Email, "X-Drawbridge-Client": id.Client} {
		if value == "" {
			continue
		}
		var b strings.Builder
		for i := range len(value) {
			if c := value[i]; c > ' ' && c < 0x7f && c != '%' {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		headers[name] = b.String()
	}
	return headers
}

// answered records how long a call took and at which account; nil without a
// record.
func answered(record *audit.Log, server, account string, caller guard.Caller) func(session.Call) {
	if record == nil {
		return nil
	}
	return func(c session.Call) {
		e := audit.Entry{
			Event: "answered", Subject: caller.Subject, Email: caller.Email, Client: caller.Client, Mode: caller.Mode,
			Server: server, Account: account, Method: c.Method, Name: c.Tool, Millis: max(1, c.Took.Milliseconds()),
		}
		if c.Outcome != session.Answered {
			e.Reason = string(c.Outcome)
		}
		record.Add(e)
	}
}

// note puts one entry into the record. That it cannot be written is said, and
// undoes nothing.
func (a *app) note(e audit.Entry) {
	p, err := a.paths()
	if err == nil {
		err = audit.Append(p.Audit(), e)
	}
	if err != nil {
		a.log().Warn("the record was not written", "error", err)
	}
}

// recordSignIn puts into the record what becomes of sign-ins.
func (a *app) recordSignIn(p config.Paths, log *slog.Logger) func(credential.Event) {
	return func(e credential.Event) {
		if err := audit.Append(p.Audit(), audit.Entry{
			Event: e.Kind, Subject: e.Subject, Email: e.Email, Server: e.Server, Account: e.Account, Reason: e.Note,
		}); err != nil {
			log.Warn("the record was not written", "error", err)
		}
	}
}
