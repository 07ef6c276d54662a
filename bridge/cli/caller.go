package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"drawbridge/bridge/audit"
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
	if err != nil {
		return
	}
	say := func(err error) { a.log().Warn("the record was not written", "error", err) }
	record, err := audit.Open(p.Audit(), 0, say)
	if err != nil {
		say(err)
		return
	}
	record.Add(e)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	record.Close(ctx)
}
