package replica_test

import (
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/guard"
	"drawbridge/bridge/replica"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/serve"
)

// line is a way to the store on which answers get lost and questions wait.
type line struct {
	net.Listener
	to string

	mu   sync.Mutex
	lose string // the answer to the next question with this in it is lost, with its connection
	hold string // the next question with this in it waits,
	held chan struct{}
	free chan struct{} // until this is closed
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	way := &line{Listener: l, to: to, held: make(chan struct{}), free: make(chan struct{})}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { way.carry(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
	return way
}

func (l *line) carry(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	store, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer func() { _ = store.Close() }()
	var lost sync.Once
	answers := make(chan struct{}, 1)
	go func() {
		defer func() { _, _ = conn.Close(), store.Close() }()
		buf := make([]byte, 64<<10)
		for {
			n, err := store.Read(buf)
			if err != nil {
				return
			}
			select {
			case <-answers: // this one is lost
				lost.Do(func() { _ = conn.Close() })
				return
			default:
			}
			if _, err := conn.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		question := strings.ToLower(string(buf[:n]))
		l.mu.Lock()
		lose := l.lose != "" && strings.Contains(question, l.lose)
		hold := l.hold != "" && strings.Contains(question, l.hold)
		if lose {
			l.lose = ""
			answers <- struct{}{}
		}
		if hold {
			l.hold = ""
			close(l.held)
		}
		l.mu.Unlock()
		if hold {
			<-l.free
		}
		if _, err := store.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (l *line) loses(question string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lose = question
}

func (l *line) open(t *testing.T) *serve.Shared {
	t.Helper()
	shared, err := replica.Open(t.Context(), "redis://"+l.Addr().String(), secret.New(password), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shared.Close() })
	return shared
}

// The answer to a question gets lost after the store has done what was asked. What is
// to be done once is not taken for another's, and what was taken not for used.
func TestALostAnswerIsNoAnswer(t *testing.T) {
	s := startRedis(t)
	way := newLine(t, "127.0.0.1:"+s.port)
	shared := way.open(t)
	ctx := t.Context()
	refresh := guard.Denial{ID: "refresh", Until: time.Now().Add(time.Minute)}
	way.loses("set")
	if first, err := shared.Denied.Once(ctx, refresh); err != nil || !first {
		t.Errorf("the first to use it: %v, %v", first, err)
	}
	if first, err := shared.Denied.Once(ctx, refresh); err != nil || first {
		t.Errorf("the second: %v, %v", first, err)
	}
	if err := shared.Once.Put(ctx, "code", []byte("value"), time.Minute); err != nil {
		t.Fatal(err)
	}
	way.loses("getdel")
	if _, ok, err := shared.Once.Take(ctx, "code"); err == nil {
		t.Errorf("what was taken and lost on the way: %v without an error", ok)
	}
	if _, ok, err := shared.Once.Take(ctx, "code"); err != nil || ok {
		t.Errorf("afterwards: %v, %v", ok, err)
	}
}

// A failure or request that was counted, and whose answer is lost, counts once.
func TestALostAnswerCountsOnce(t *testing.T) {
	s := startRedis(t)
	way := newLine(t, "127.0.0.1:"+s.port)
	shared := way.open(t)
	const address = "192.0.2.1"
	ctx, now := t.Context(), time.Now()
	l := shared.Limits(guard.LimitConfig{Failures: 2, Lockout: time.Minute})
	l.Failed(ctx, "192.0.2.9", now) // the store knows the script from here on
	way.loses("evalsha")
	l.Failed(ctx, address, now)
	if left := l.LockedOut(ctx, address, now); left != 0 {
		t.Errorf("one of two failures locks out for %v", left)
	}
	way.loses("evalsha")
	l.Failed(ctx, address, now)
	if left := l.LockedOut(ctx, address, now); left <= 0 || left > time.Minute {
		t.Errorf("locked out for %v, want a minute", left)
	}
	requests := shared.Limits(guard.LimitConfig{PerSubject: 2})
	minute := now.Truncate(time.Minute) // one window for all of them
	way.loses("incr")
	for i := range 3 {
		if wait := requests.Take(ctx, guard.Subject, "ada", minute); (wait > 0) != (i == 2) {
			t.Errorf("request %d of two in a minute waits for %v", i+1, wait)
		}
	}
}

// Failures that are under way when an address is locked out, at one bridge or more,
// do not lock it out for longer; the next lock-out is twice as long, and no more.
func TestTwoBridgesLockOutOnce(t *testing.T) {
	s := startRedis(t)
	c := guard.LimitConfig{Failures: 2, Lockout: time.Minute}
	one, two := s.open().Limits(c), s.open().Limits(c)
	ctx, now := t.Context(), time.Now()
	var work sync.WaitGroup
	for range 10 {
		work.Go(func() { one.Failed(ctx, "192.0.2.1", now) })
		work.Go(func() { two.Failed(ctx, "192.0.2.1", now) })
	}
	work.Wait()
	if left := two.LockedOut(ctx, "192.0.2.1", now); left <= 0 || left > time.Minute {
		t.Errorf("locked out for %v, want a minute", left)
	}
	brief := guard.LimitConfig{Failures: 1, Lockout: 50 * time.Millisecond}
	one, two = s.open().Limits(brief), s.open().Limits(brief)
	for i, l := range []guard.Limiter{one, two, one, two} {
		for l.LockedOut(ctx, "192.0.2.2", now) > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		l.Failed(ctx, "192.0.2.2", now)
		if left, most := l.LockedOut(ctx, "192.0.2.2", now), 50*time.Millisecond<<i; left > most {
			t.Errorf("lock-out %d for %v, want %v", i+1, left, most)
		}
	}
}

// A denial for a while that comes beside one for ever, or for longer, shortens neither.
func TestADenialIsNeverShortened(t *testing.T) {
	s := startRedis(t)
	way := newLine(t, "127.0.0.1:"+s.port)
	slow, fast := way.open(t).Denied, s.open().Denied
	ctx := t.Context()
	way.mu.Lock()
	way.hold = "\r\nset\r\n"
	way.mu.Unlock()
	var work sync.WaitGroup
	work.Go(func() {
		if err := slow.Deny(ctx, guard.Denial{Subject: "ada", Until: time.Now().Add(300 * time.Millisecond)}); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-way.held: // it has looked, and is about to write
	case <-time.After(100 * time.Millisecond): // it looks and writes at one go
	}
	if err := fast.Deny(ctx, guard.Denial{Subject: "ada"}); err != nil {
		t.Error(err)
	}
	close(way.free)
	work.Wait()
	time.Sleep(400 * time.Millisecond)
	if denied, err := fast.Denied(ctx, &guard.Identity{Subject: "ada"}, guard.Hash{}); err != nil || !denied {
		t.Errorf("denied for ever: %v, %v", denied, err)
	}
}
