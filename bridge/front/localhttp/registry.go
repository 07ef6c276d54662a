package localhttp

import (
	"time"
)

// add makes a hub known. It reports false when there are too many, the server has
// closed, or there is one of the id.
func (s *Server) add(h *hub) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.hubs) >= s.cfg.MaxSessions || s.hubs[h.id] != nil {
		return false
	}
	s.hubs[h.id] = h
	return true
}

// hub finds a session of a caller. Another caller's does not exist for it.
func (s *Server) hub(id, caller string, at Target) *hub {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hubs[id]
	if h == nil || h.caller != caller || h.at != at {
		return nil
	}
	return h
}

func (s *Server) remove(h *hub) {
	s.mu.Lock()
	known := s.hubs[h.id] == h
	delete(s.hubs, h.id)
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
