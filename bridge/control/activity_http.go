package control

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"drawbridge/bridge/fault"
)

const (
	// reportPath is where clients' processes tell what they do. A report is one
	// request that lasts as long as its session.
	reportPath = "/v1/report"
	// maxReport bounds a line of a report, in bytes.
	maxReport = 256 << 10
	// maxPage bounds the calls in one line of the stream of activity.
	maxPage = 2000
	// activityPause is the least time between two lines of the stream.
	activityPause = 200 * time.Millisecond
)

// reportLine is one line of a report: the session, first of all and whenever more
// is known of it; or calls, and how many were dropped before them.
type reportLine struct {
	Session *Session `json:"session,omitempty"`
	Calls   []Call   `json:"calls,omitempty"`
	Dropped uint64   `json:"dropped,omitempty"`
}

// report reads one session's report to its end, which is the session's.
func (s *Service) report(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{}) // it lasts
	// A read under way ends with the agent.
	defer context.AfterFunc(r.Context(), func() { _ = rc.SetReadDeadline(time.Now()) })()
	activity := s.backend.Activity()
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(make([]byte, 0, 4096), maxReport)
	var entry *Session
	var hears *orders
	if r.Header.Get(ordersHeader) != "" {
		_ = rc.EnableFullDuplex() // it is answered while it lasts
		hears = newOrders(w, rc)
		defer hears.told.Wait()
	}
	defer func() {
		if entry != nil {
			activity.close(entry)
		}
	}()
	for lines.Scan() {
		var line reportLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Session == nil && entry == nil {
			writeProblem(w, http.StatusBadRequest, &Problem{Code: fault.Usage, What: "The report cannot be read."})
			return
		}
		switch {
		case line.Session != nil && entry == nil:
			line.Session.ID = rand.Text()
			if entry = activity.open(*line.Session, hears); entry == nil {
				writeProblem(w, http.StatusServiceUnavailable, &Problem{Code: fault.Usage, What: "There are too many sessions."})
				return
			}
		case line.Session != nil:
			activity.update(entry, *line.Session)
		default:
			activity.add(entry, line.Calls, line.Dropped)
		}
	}
	if r.Context().Err() == nil && hears == nil {
		w.WriteHeader(http.StatusNoContent)
	}
}

// activity writes the stream of activity: one JSON ActivityChange a line, the
// sessions and the calls after the query's `after` first. With `follow` it goes
// on until the reader is gone; an empty line is a heartbeat.
func (s *Service) activity(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64) // none: all that is kept
	follow := r.URL.Query().Get("follow") != ""
	w.Header().Set("Content-Type", "application/x-ndjson")
	rc := http.NewResponseController(w)
	enc := json.NewEncoder(w)
	send := func(c ActivityChange) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout))
		return enc.Encode(c) == nil && rc.Flush() == nil
	}
	beat := time.NewTicker(s.heartbeat)
	defer beat.Stop()
	seen := unseen
	for {
		change, last, now, changed := s.backend.Activity().look(after, seen, maxPage)
		if !send(change) {
			return
		}
		after, seen = last, now
		if len(change.Calls) == maxPage {
			continue
		}
		if !follow {
			return
		}
		select {
		case <-changed:
			if sleep(r.Context(), activityPause) != nil {
				return
			}
		case <-beat.C:
		case <-r.Context().Done():
			return
		}
	}
}

// Activity yields what clients do: first the sessions that are open and the calls
// after the one with the seq, then, if follow, each change. It ends like Changes.
func (c *Client) Activity(ctx context.Context, after uint64, follow bool) iter.Seq2[ActivityChange, error] {
	query := url.Values{"after": {strconv.FormatUint(after, 10)}}
	if follow {
		query.Set("follow", "1")
	}
	return func(yield func(ActivityChange, error) bool) {
		err := c.stream(ctx, "/v1/activity?"+query.Encode(), func(line []byte) (bool, error) {
			var change ActivityChange
			if err := json.Unmarshal(line, &change); err != nil {
				return false, err
			}
			if len(change.Calls) == 0 && change.Sessions == nil && change.Renewals == nil {
				return true, nil // a heartbeat
			}
			return yield(change, nil), nil
		})
		if err != nil && (follow || !errors.Is(err, errEnded)) {
			yield(ActivityChange{}, err)
		}
	}
}
