package localhttp

import (
	"time"
)

// add makes a hub known. It reports false when there are too many, in all or of its
// caller, the server has closed, or there is one of the id.
func (s *Server) add(h *hub) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.hubs) >= s.cfg.MaxSessions || s.hubs[h.id] != nil || s.of[h.caller] >= s.mostOf() {
		return false
	}
	s.hubs[h.id] = h
	s.of[h.caller]++
	return true
}

// mostOf is how many sessions one caller may have: never all that there can be, or
// one who is out of order, or means harm, would shut out everybody else.
func (s *Server) mostOf() int { return max(1, s.cfg.MaxSessions*3/4) }

// hub finds a session of a caller, which is in use until done is called; nil: there
// is none. Another caller's does not exist for it.
func (s *Server) hub(id string, caller Caller, at Target) (_ *hub, done func()) {
	key := caller.Key()
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hubs[id]
	if h == nil || h.caller != key || h.at != at {
		return nil, nil
	}
	h.seen(caller)
	return h, h.use(s.cfg.Now) // with the lock held: it is not found unused from here on
}

func (s *Server) remove(h *hub) {
	s.mu.Lock()
	known := s.forget(h)
	s.mu.Unlock()
	if known {
		h.end()
	}
}

// forget makes a hub unknown, and reports whether it was known. The lock is held.
func (s *Server) forget(h *hub) bool {
	if s.hubs[h.id] != h {
		return false
	}
	delete(s.hubs, h.id)
	if s.of[h.caller]--; s.of[h.caller] <= 0 {
		delete(s.of, h.caller)
	}
	return true
}

// sweep ends sessions that nobody uses, once a minute.
func (s *Server) sweep() {
	t := time.NewTicker(min(time.Minute, s.cfg.IdleLimit))
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
		}
		s.tidy()
	}
}

// tidy ends what nobody uses. That is decided in the lock in which it is made
// unknown: a request finds a session that stays, or none.
func (s *Server) tidy() {
	now := s.cfg.Now()
	since := now.Add(-s.cfg.IdleLimit)
	s.mu.Lock()
	var used, unused []*hub
	for _, h := range s.hubs {
		if h.unused(since) && s.forget(h) {
			unused = append(unused, h)
		} else {
			used = append(used, h)
		}
	}
	var idle []*shared
	for key, m := range s.modern {
		if m.unused(since) {
			idle = append(idle, m)
			delete(s.modern, key)
		}
	}
	s.mu.Unlock()
	for _, h := range used {
		h.tidy(now.Add(-resumeLimit))
	}
	for _, h := range unused {
		s.log.Debug("session ended: not used", "server", h.at.Server)
		h.end()
	}
	for _, m := range idle {
		m.end()
	}
}
