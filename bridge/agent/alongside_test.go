package agent

import (
	"context"
	"testing"
	"time"
)

// beside is something that runs alongside an agent, and ends when it is let.
type beside struct {
	began, told, end chan struct{}
}

func newBeside() beside {
	return beside{make(chan struct{}), make(chan struct{}), make(chan struct{})}
}

func (b beside) run(ctx context.Context) {
	close(b.began)
	<-ctx.Done()
	close(b.told)
	<-b.end
}

// What runs alongside an agent may hold what there is only one of, such as a port:
// that of the next agent begins after its end.
func TestAlongsideEndsBeforeThatOfTheNextAgentBegins(t *testing.T) {
	first, second := newBeside(), newBeside()
	r := start(t, func(c *Config) { c.Alongside = first.run })
	arrives(t, "the first's to begin", first.began)
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	arrives(t, "the first's to be told", first.told)

	close(second.end)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{Paths: r.paths, Accounts: r.accounts, Alongside: second.run})
	}()
	select {
	case <-second.began:
		t.Error("the second's began beside the first's")
	case err := <-ended:
		t.Fatalf("the second agent ended: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(first.end)
	arrives(t, "the second's to begin", second.began)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// An agent that nobody asked for ends by itself and would take it along; once a
// person wants the agent it is theirs.
func TestAlongsideBeginsWhenAnAgentIsToStay(t *testing.T) {
	b := newBeside()
	close(b.end)
	r := start(t, func(c *Config) { c.OnDemand, c.Alongside = true, b.run })
	select {
	case <-b.began:
		t.Fatal("it began beside an agent that nobody asked for")
	case <-time.After(20 * time.Millisecond):
	}
	if err := r.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	arrives(t, "it to begin", b.began)
}

func arrives(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("not in time: %s", what)
	}
}
