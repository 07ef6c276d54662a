package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"drawbridge/bridge/config"
)

const (
	// askPause is how long a person who let the prompt go by is left in peace by
	// processes that nobody is sitting in front of.
	askPause = 5 * time.Minute
	// lockedPatience is how long a call waits for a keychain that stays locked
	// without anybody being asked: logging in unlocks it a moment later.
	lockedPatience = 5 * time.Second
	// lockedPoll is how often is looked whether it was unlocked in another way.
	lockedPoll = 300 * time.Millisecond
	// seenLeast: a prompt that ends sooner was not seen by anybody.
	seenLeast = 400 * time.Millisecond
	// openFor is how long a keychain that was seen unlocked counts as such: one
	// write is several calls.
	openFor = 250 * time.Millisecond
)

// gate stands before a locked keychain. Of all callers, in all processes that
// share its folder of locks, one asks the person; the others wait for the answer
// and take it for theirs.
type gate struct {
	locks    string // "": this process only
	attended bool   // a person has just asked for something: askPause does not count
	limit    time.Duration
	patience time.Duration

	mu     sync.Mutex
	flight *asking
	open   time.Time // when the keychain was last seen unlocked
}

// asking is one wait for the keychain in this process, for all its callers. It
// is nobody's context: when one caller gives up, the prompt stays for the others.
type asking struct {
	done chan struct{} // closed when err is set
	err  error
}

func newGate(locks string, attended bool) *gate {
	return &gate{locks: locks, attended: attended, limit: unlockLimit, patience: lockedPatience}
}

// assumesOpen reports whether the keychain was seen unlocked a moment ago.
func (g *gate) assumesOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Since(g.open) < openFor
}

// forget has the next call look.
func (g *gate) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = time.Time{}
}

// ready returns nil when the keychain is unlocked, at the latest after
// unlockLimit; assumed, when it was so a moment ago and nobody has looked since.
// Its errors are errNoBus, errNoService, errLocked and ctx's.
func (g *gate) ready(ctx context.Context) (assumed bool, err error) {
	if g.assumesOpen() {
		return true, ctx.Err()
	}
	return false, g.look(ctx)
}

// look is ready without an assumption.
func (g *gate) look(ctx context.Context) error {
	came := time.Now() // before the look: the prompt that it was locked for may end meanwhile
	short, cancel := context.WithTimeout(ctx, opLimit)
	defer cancel()
	s, err := connect(short)
	if err != nil {
		return err
	}
	locked, err := s.locked(short)
	s.close()
	if err != nil {
		return err
	}
	g.mu.Lock()
	if !locked {
		g.open = time.Now()
		g.mu.Unlock()
		return nil
	}
	f := g.flight
	if f == nil {
		f = &asking{done: make(chan struct{})}
		g.flight = f
		go func() { // ends within unlockLimit, or with the process
			ctx, cancel := context.WithTimeout(context.Background(), g.limit)
			defer cancel()
			f.err = g.unlock(ctx, came)
			g.mu.Lock()
			g.flight = nil
			g.mu.Unlock()
			close(f.done)
		}()
	}
	g.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errLocked, ctx.Err())
	}
}

// unlock asks the person, unless another process is asking or somebody has asked
// in vain since the caller came.
func (g *gate) unlock(ctx context.Context, came time.Time) error {
	s, err := connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	release := func() {}
	if g.locks != "" {
		release, err = takeFile(ctx, filepath.Join(g.locks, "unlock.lock"), false)
		if err != nil {
			return fmt.Errorf("%w: %w", errLocked, err)
		}
	}
	defer func() { release() }()
	if locked, err := s.locked(ctx); err != nil || !locked {
		return err
	}
	last := g.lastRefusal()
	switch {
	case last.After(came):
		return fmt.Errorf("%w: somebody has just been asked in vain", errLocked)
	case !g.attended && time.Since(last) < askPause:
		release() // waiting needs no turn
		release = func() {}
		return s.waitUnlocked(ctx, g.patience, fmt.Errorf("%w: nobody answered when asked last", errLocked))
	}
	begun := time.Now()
	err = s.prompt(ctx)
	if err == nil {
		g.note(time.Time{})
		return nil
	}
	if time.Since(begun) < seenLeast { // no display: it was dismissed for us
		err = s.waitUnlocked(ctx, g.patience, err)
	}
	if err != nil {
		g.note(time.Now())
	}
	return err
}

// waitUnlocked waits a little for somebody else to unlock the keychain.
func (s *secretService) waitUnlocked(ctx context.Context, patience time.Duration, err error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return err
		case <-time.After(lockedPoll):
		}
		if locked, lookErr := s.locked(ctx); lookErr == nil && !locked {
			return nil
		}
	}
}

// refusal is when a person last let the prompt go by, for other processes.
type refusal struct {
	At time.Time `json:"at"`
}

func (g *gate) noteFile() string { return filepath.Join(g.locks, "unlock.json") }

func (g *gate) lastRefusal() time.Time {
	if g.locks == "" {
		return time.Time{}
	}
	raw, err := os.ReadFile(g.noteFile())
	var r refusal
	if err != nil || json.Unmarshal(raw, &r) != nil || r.At.After(time.Now()) {
		return time.Time{}
	}
	return r.At
}

// note is a courtesy: if it cannot be written, the person is asked once more.
func (g *gate) note(at time.Time) {
	switch {
	case g.locks == "":
	case at.IsZero():
		_ = os.Remove(g.noteFile())
	default:
		if raw, err := json.Marshal(refusal{At: at}); err == nil {
			_ = config.WriteFile(g.noteFile(), raw)
		}
	}
}

// prompt asks until ctx ends; then the prompt is taken back. It ends too when
// the keychain is unlocked in another way.
func (s *secretService) prompt(ctx context.Context) error {
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := s.service.CallWithContext(ctx, "org.freedesktop.Secret.Service.Unlock", 0, []dbus.ObjectPath{s.collection}).Store(&unlocked, &prompt)
	if err != nil {
		return fmt.Errorf("%w: %w", errLocked, err)
	}
	if prompt == "/" {
		return nil
	}
	if err := s.conn.AddMatchSignalContext(ctx, dbus.WithMatchObjectPath(prompt), dbus.WithMatchMember("Completed")); err != nil {
		return fmt.Errorf("%w: %w", errLocked, err)
	}
	signals := make(chan *dbus.Signal, 4)
	s.conn.Signal(signals)
	asked := s.conn.Object(serviceName, prompt)
	dismiss := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dismissLimit)
		defer cancel()
		_ = asked.CallWithContext(ctx, "org.freedesktop.Secret.Prompt.Dismiss", 0).Err
	}
	if err := asked.CallWithContext(ctx, "org.freedesktop.Secret.Prompt.Prompt", 0, "").Err; err != nil {
		return fmt.Errorf("%w: %w", errLocked, err)
	}
	tick := time.NewTicker(lockedPoll)
	defer tick.Stop()
	for {
		select {
		case got := <-signals:
			switch {
			case got == nil:
				return fmt.Errorf("%w: the bus closed the connection", errLocked)
			case got.Path != prompt || len(got.Body) != 2:
				continue
			}
			if dismissed, _ := got.Body[0].(bool); dismissed {
				return fmt.Errorf("%w: %w", errLocked, errors.New("the prompt was dismissed"))
			}
			return nil
		case <-tick.C:
			if locked, err := s.locked(ctx); err == nil && !locked {
				dismiss()
				return nil
			}
		case <-ctx.Done():
			dismiss()
			return fmt.Errorf("%w: %w", errLocked, ctx.Err())
		}
	}
}
