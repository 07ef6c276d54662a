package session

import "time"

const MaxInFlight = maxInFlight

// SetCancelGrace and SetNoteLimit shorten what nobody wants to wait for. Call
// them before the first message.
func (s *Session) SetCancelGrace(d time.Duration) { s.cancelGrace = d }
func (s *Session) SetNoteLimit(d time.Duration)   { s.noteLimit = d }
func (s *Session) SetDescribeAfter(d time.Duration) {
	s.describeAfter = d
}
