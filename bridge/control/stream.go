package control

import (
	"encoding/json"
	"net/http"
	"time"
)

const (
	// heartbeatEvery is how often an unchanged stream carries a line, so that
	// each side notices when the other has died.
	heartbeatEvery = 15 * time.Second
	// silenceLimit is how long a client believes in a silent stream.
	silenceLimit = 3 * heartbeatEvery
)

// changes writes the stream of changes: one JSON Change a line, a whole
// snapshot first. A line with nothing but seq is a heartbeat.
func (s *Service) changes(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	rc := http.NewResponseController(w)
	enc := json.NewEncoder(w)
	send := func(c Change) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout))
		return enc.Encode(c) == nil && rc.Flush() == nil
	}
	sent, changed := s.backend.Feed().Look()
	if !send(Change{Seq: sent.Seq, Snapshot: &sent}) {
		return
	}
	beat := time.NewTicker(s.heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-changed:
			var now Snapshot
			now, changed = s.backend.Feed().Look()
			if !send(difference(sent, now)) {
				return
			}
			sent = now
			beat.Reset(s.heartbeat)
		case <-beat.C:
			if !send(Change{Seq: sent.Seq}) {
				return
			}
		case <-r.Context().Done(): // the agent ends, or the reader is gone
			if s.backend.Feed().Quits() {
				send(Change{Seq: sent.Seq, Quit: true})
			}
			return
		}
	}
}
