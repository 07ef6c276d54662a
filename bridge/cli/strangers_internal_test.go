package cli

import (
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/audit"
	"drawbridge/bridge/guard"
)

// Strangers fill the record no faster than they may, and hide nobody.
func TestStrangersDoNotFillTheRecord(t *testing.T) {
	var record []audit.Entry
	d := &decisions{add: func(e audit.Entry) { record = append(record, e) }}
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	no := &guard.Refusal{Status: 401, Code: guard.WrongKind}
	ada := &guard.Identity{Subject: "ada"}
	for i := range 10000 {
		now := at.Add(time.Duration(i) * 5 * time.Millisecond) // 50 seconds
		d.heard(guard.Decision{At: now, Refusal: no})
		if i%1000 == 0 {
			d.heard(guard.Decision{At: now, Who: ada, Method: "tools/call"})
			d.heard(guard.Decision{At: now, Who: ada, Refusal: no})
		}
	}
	if want := strangersMost + 20; len(record) != want {
		t.Errorf("%d entries in the minute, want %d", len(record), want)
	}
	d.heard(guard.Decision{At: at.Add(time.Minute), Refusal: no})
	if e := record[len(record)-2]; !strings.HasPrefix(e.Reason, "9880 more") || e.Event != "denied" {
		t.Errorf("what was counted: %+v", e)
	}
	before := len(record)
	d.end()
	if len(record) != before {
		t.Error("nothing was left out, and something is said of it")
	}
	// Two that are told the wrong way round begin no minute anew.
	for i := range 2 * strangersMost {
		d.heard(guard.Decision{At: at.Add(2*time.Minute - time.Duration(i%2)), Refusal: no})
	}
	if got := len(record) - before; got != strangersMost {
		t.Errorf("%d entries at the turn of a minute, want %d", got, strangersMost)
	}
	d.end()
	d.heard(guard.Decision{At: at.Add(-time.Hour), Refusal: no})
	if e := record[len(record)-1]; !e.Time.Equal(at.Add(-time.Hour)) {
		t.Errorf("after the clock was put back: %+v", e)
	}
}
