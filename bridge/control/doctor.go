package control

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	doctor "drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
)

// doctorLimit bounds a walk of the doctor.
const doctorLimit = 5 * time.Minute

// DoctorEvent is one line of the answer to a request for the doctor: a Line as
// it is found, and at the end the whole Report, or what kept it from being made.
type DoctorEvent struct {
	Line    *doctor.Line   `json:"line,omitempty"`
	Report  *doctor.Report `json:"report,omitempty"`
	Problem *Problem       `json:"problem,omitempty"`
}

// doctor answers with one JSON DoctorEvent a line.
func (s *Service) doctor(w http.ResponseWriter, r *http.Request) {
	var target Target
	if err := readJSON(r.Body, &target); err != nil {
		writeProblem(w, http.StatusBadRequest, &Problem{Code: fault.Usage, What: "The agent cannot read that request.", Next: "Update Drawbridge, then restart its agent."})
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	rc := http.NewResponseController(w)
	enc := json.NewEncoder(w)
	ctx, cancel := context.WithTimeout(r.Context(), doctorLimit)
	defer cancel()
	send := func(e DoctorEvent) {
		_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout))
		if enc.Encode(e) != nil || rc.Flush() != nil {
			cancel() // the reader is gone
		}
	}
	found, err := s.backend.Doctor(ctx, target, func(l doctor.Line) { send(DoctorEvent{Line: &l}) })
	if err != nil {
		send(DoctorEvent{Problem: ProblemOf(err)})
		return
	}
	send(DoctorEvent{Report: &found})
}

// Doctor has the agent find out why a server cannot be used. It changes nothing.
// progress, if not nil, is called with each line as it is found. It has a
// deadline of five minutes; ending ctx ends the walk.
func (c *Client) Doctor(ctx context.Context, target Target, progress func(doctor.Line)) (doctor.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	resp, err := c.send(ctx, http.MethodPost, "/v1/doctor", target)
	if err != nil {
		return doctor.Report{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 4096), maxAnswer)
	for lines.Scan() {
		var e DoctorEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return doctor.Report{}, fmt.Errorf("read the agent's report: %w", err)
		}
		switch {
		case e.Problem != nil:
			return doctor.Report{}, e.Problem.Err()
		case e.Report != nil:
			return *e.Report, nil
		case e.Line != nil && progress != nil:
			progress(*e.Line)
		}
	}
	err = lines.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return doctor.Report{}, away(ctx, err)
}
