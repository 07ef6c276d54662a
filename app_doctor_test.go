package main

import (
	"context"
	"errors"
	"testing"

	"drawbridge/bridge/control"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
)

// walker is an agent whose doctor finds one line and then waits to be ended.
type walker struct {
	Agent
	targets chan control.Target
	ended   chan error
}

func (w walker) Doctor(ctx context.Context, target control.Target, progress func(report.Line)) (report.Report, error) {
	w.targets <- target
	progress(report.Line{ID: "server.answer"})
	<-ctx.Done()
	w.ended <- ctx.Err()
	return report.Report{}, ctx.Err()
}

func TestAppCancelsTheWalkThatIsNamedOnly(t *testing.T) {
	w := walker{targets: make(chan control.Target, 2), ended: make(chan error, 2)}
	lines := make(chan DoctorLine, 2)
	app := NewApp(AppConfig{Emit: func(name string, payload any) {
		if name == EventDoctor {
			lines <- payload.(DoctorLine)
		}
	}})
	app.agent = w
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	app.ctx = ctx

	results := make(chan error, 2)
	go func() { _, err := app.Doctor("one", "k"); results <- err }()
	if line := <-lines; line.Run != "one" || line.Line.ID != "server.answer" {
		t.Errorf("first line %+v", line)
	}
	if target := <-w.targets; target.Key != "k" || target.Server != nil {
		t.Errorf("target %+v, want the key", target)
	}
	go func() { _, err := app.DoctorAddress("two", "https://x.example/mcp"); results <- err }()
	if line := <-lines; line.Run != "two" {
		t.Errorf("line of run %q, want two", line.Run)
	}
	if target := <-w.targets; target.Server == nil || target.Server.URL != "https://x.example/mcp" || target.Server.Name != "" {
		t.Errorf("target %+v, want the address alone", target)
	}
	if _, err := app.Doctor("one", "k"); !fault.Is(err, fault.Usage) {
		t.Errorf("a second walk of the same run: %v, want %s", err, fault.Usage)
	}

	app.CancelDoctor("one")
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled walk ended with %v", err)
	}
	select {
	case err := <-results:
		t.Errorf("the other walk ended too, with %v", err)
	default:
	}
	cancel() // the window closes
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("the walk of a closed window ended with %v", err)
	}
	app.CancelDoctor("one") // is over, no harm
	if len(app.doctors) != 0 {
		t.Errorf("%d walks are left", len(app.doctors))
	}
}

func TestAppPassesADoctorsRefusalOn(t *testing.T) {
	p := testPaths(t)
	startAgent(t, p) // has no doctor
	app, _ := startApp(t, p)
	if _, err := app.DoctorAddress("1", "https://demo.example.com/mcp"); !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v, want %s", err, fault.Unsupported)
	}
}
