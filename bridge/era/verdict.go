package era

import (
	"context"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
)

// Era says in which era the server is spoken to. It asks the server only when
// that is not remembered. Its errors are those of a connection.
func (r *Remote) Era(ctx context.Context) (Era, error) {
	if known, _ := r.known(); known != Unknown {
		return known, nil
	}
	if err := r.probing.take(ctx); err != nil {
		return Unknown, err
	}
	defer r.probing.leave()
	known, _ := r.known() // who had the turn before may know
	if known != Unknown {
		return known, nil
	}
	if known = r.presumed(); known != Unknown {
		r.set(known)
		return known, nil
	}
	f, err := r.discover(ctx)
	if err != nil {
		return Unknown, err
	}
	if f.silent {
		return Unknown, fault.New(fault.Unreachable, "The server has not said what it speaks.", "Try again in a moment.")
	}
	return f.era, r.settle(f)
}

// known is the present verdict, and the number by which it can be told from the
// next one.
func (r *Remote) known() (Era, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.era, r.verdicts
}

// presumed is the era that needs no question.
func (r *Remote) presumed() Era {
	switch r.protocol {
	case OnlyLegacy:
		return Legacy
	case OnlyModern:
		return Modern
	}
	return r.memory.Load(r.endpoint)
}

// set goes by what was remembered, or by nothing.
func (r *Remote) set(e Era) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.era = e
}

// probe asks the server, whatever is known.
func (r *Remote) probe(ctx context.Context) (finding, error) {
	if err := r.probing.take(ctx); err != nil {
		return finding{}, err
	}
	defer r.probing.leave()
	f, err := r.discover(ctx)
	if err != nil {
		return f, err
	}
	return f, r.settle(f)
}

// settle goes by a finding, and remembers a modern server. A legacy one is
// remembered when initialize has worked.
func (r *Remote) settle(f finding) error {
	if r.protocol == OnlyModern && f.era != Modern {
		return errNotModern
	}
	if f.era == Modern {
		r.remember(Modern) // before anybody can find that it is wrong
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.era = f.era
	r.verdicts++
	r.serverCaps = jsonrpc.Member(f.result, "capabilities")
	return nil
}

func (r *Remote) remember(e Era) {
	if r.protocol != Auto && r.protocol != "" {
		return
	}
	if err := r.memory.Store(r.endpoint, e); err != nil {
		r.log.Warn("the server's era is not remembered", "error", err)
	}
}

// forget drops what was remembered, for it turned out to be wrong. The next verdict
// is remembered after that.
func (r *Remote) forget() {
	r.remember(Unknown)
	r.set(Unknown)
}

// disprove forgets a verdict by its number. One that came after it stands: what
// was refused was sent under the old one.
func (r *Remote) disprove(number int) {
	r.mu.Lock()
	mine := r.verdicts == number
	if mine {
		r.verdicts++ // nobody else does this
		number = r.verdicts
	}
	r.mu.Unlock()
	if !mine {
		return
	}
	r.remember(Unknown)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.verdicts == number {
		r.era = Unknown
	}
}
