package control

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/bridge/fault"
)

const (
	// ordersHeader says that a reporting process reads the answer to its report as
	// it comes: orders, a line each.
	ordersHeader = "Drawbridge-Orders"
	// MaxPart bounds what is kept of a call's arguments, and of its result, in bytes.
	MaxPart = 16 << 10
	// maxCaptured is how many calls a capture keeps; the oldest go.
	maxCaptured = 200
)

// Captured is what a call of a session was about, where the person has asked for
// that session's to be kept. Whoever makes it has taken known secrets out.
type Captured struct {
	// Arguments and Result are JSON, indented; "" when there was none. Each is cut
	// at MaxPart.
	Arguments string `json:"arguments"`
	Result    string `json:"result"`
}

// order is what the agent tells a reporting process.
type order struct {
	Capture bool `json:"capture"`
}

// capture is the one session whose calls' contents are kept, in memory only.
type capture struct {
	session *Session
	kept    map[uint64]Captured // by Call.Seq
	seqs    []uint64            // oldest first
}

// Capture begins or ends to keep what the calls of the session with the id are
// about. There is one capture at a time: another's is forgotten when one begins.
// What was kept is forgotten when it ends, and with the session.
func (a *Activity) Capture(id string, on bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.sessions {
		if s.ID != id {
			continue
		}
		if !s.CanCapture {
			return fault.New(fault.Unsupported, "This session's process cannot do that.", "Restart the client: it runs an older Drawbridge.")
		}
		if on == s.Capturing {
			return nil
		}
		a.endCapture()
		if on {
			s.Capturing = true
			a.capture = &capture{session: s, kept: map[uint64]Captured{}}
			a.order(s, true)
		}
		a.touch(true)
		return nil
	}
	return fault.New(fault.UnknownServer, "That session has ended.", "")
}

// endCapture forgets what was kept. Call it with mu held.
func (a *Activity) endCapture() {
	if a.capture == nil {
		return
	}
	a.capture.session.Capturing = false
	a.order(a.capture.session, false)
	a.capture = nil
}

// order tells a session's process. Call it with mu held.
func (a *Activity) order(s *Session, capture bool) {
	if hears := a.orders[s]; hears != nil {
		hears.tell(capture)
	}
}

// orders is the answer to a report, which is written as it lasts. A goroutine runs
// only while one is told.
type orders struct {
	capture atomic.Bool // the last word
	told    sync.WaitGroup

	mu sync.Mutex
	w  http.ResponseWriter
	rc *http.ResponseController
}

func newOrders(w http.ResponseWriter, rc *http.ResponseController) *orders {
	return &orders{w: w, rc: rc}
}

func (o *orders) tell(capture bool) {
	o.capture.Store(capture)
	o.told.Go(func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		_ = o.rc.SetWriteDeadline(time.Now().Add(writeTimeout))
		// Who hears nothing has gone.
		if json.NewEncoder(o.w).Encode(order{o.capture.Load()}) == nil {
			_ = o.rc.Flush()
		}
	})
}

// keep notes what a call was about. Call it with mu held.
func (a *Activity) keep(entry *Session, seq uint64, c *Captured) {
	k := a.capture
	if c == nil || k == nil || k.session != entry {
		return // it was switched off meanwhile
	}
	c.Arguments, c.Result = bound(c.Arguments), bound(c.Result)
	k.kept[seq], k.seqs = *c, append(k.seqs, seq)
	if len(k.seqs) > maxCaptured {
		delete(k.kept, k.seqs[0])
		k.seqs = k.seqs[1:]
	}
}

// Captured is what the call with the seq was about.
func (a *Activity) Captured(seq uint64) (Captured, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.capture != nil {
		if c, ok := a.capture.kept[seq]; ok {
			return c, nil
		}
	}
	return Captured{}, fault.New(fault.UnknownServer, "What this call was about is not kept.", "Only the last calls of a capture are, until it ends.")
}

func bound(s string) string {
	if len(s) > MaxPart {
		return strings.ToValidUTF8(s[:MaxPart], "") + "…"
	}
	return s
}

// CaptureRequest begins or ends a capture.
type CaptureRequest struct {
	Session string `json:"session"`
	On      bool   `json:"on"`
}

func (s *Service) captureRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/capture", handle(s, func(_ context.Context, _ *http.Request, c CaptureRequest) (any, error) {
		return nil, s.backend.Activity().Capture(c.Session, c.On)
	}))
	mux.HandleFunc("GET /v1/capture/{seq}", handle(s, func(_ context.Context, r *http.Request, _ none) (any, error) {
		seq, _ := strconv.ParseUint(r.PathValue("seq"), 10, 64) // 0 is no call's
		return s.backend.Activity().Captured(seq)
	}))
}

// Capture begins or ends to keep what the calls of a session are about; see
// Activity.Capture.
func (c *Client) Capture(ctx context.Context, session string, on bool) error {
	return c.call(ctx, quick, http.MethodPost, "/v1/capture", CaptureRequest{session, on}, nil)
}

// Captured returns what a call was about, if that is kept.
func (c *Client) Captured(ctx context.Context, seq uint64) (Captured, error) {
	var out Captured
	err := c.call(ctx, quick, http.MethodGet, "/v1/capture/"+strconv.FormatUint(seq, 10), nil, &out)
	return out, err
}
