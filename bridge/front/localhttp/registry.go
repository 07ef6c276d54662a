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

// hub finds a session of a caller. Another caller's does not exist for it.
func (s *Server) hub(id string, caller Caller, at Target) *hub {
	s.mu.Lock()
	h := s.hubs[id]
	s.mu.Unlock()
	if h == nil || h.caller != caller.Key() || h.at != at {
		return nil
	}
	h.seen(caller)
	return h
}

func (s *Server) remove(h *hub) {
	s.mu.Lock()
	known := s.hubs[h.id] == h
	if known {
		delete(s.hubs, h.id)
		if s.of[h.caller]--; s.of[h.caller] <= 0 {
			delete(s.of, h.caller)
		}
	}
	s.mu.Unlock()
	if known {
		h.end()
	}
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
		now := s.cfg.Now()
		since := now.Add(-s.cfg.IdleLimit)
		s.mu.Lock()
		var hubs, unused []*hub
		for _, h := range s.hubs {
			hubs = append(hubs, h)
		}
		var idle []*shared
		for key, m := range s.modern {
			if m.unused(since) {
				idle = append(idle, m)
				delete(s.modern, key)
			}
		}
		s.mu.Unlock()
		for _, h := range hubs {
			if h.tidy(now.Add(-resumeLimit)); h.unused(since) {
				unused = append(unused, h)
			}
		}
		for _, h := range unused {
			s.log.Debug("session ended: not used", "server", h.at.Server)
			s.remove(h)
		}
		for _, m := range idle {
			m.end()
		}
	}
}
