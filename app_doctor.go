package main

import (
	"context"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
)

// EventDoctor carries a DoctorLine.
const EventDoctor = "doctor"

const (
	// doctorTime bounds a walk; it is longer than the client's own deadline.
	doctorTime = 6 * time.Minute
	// maxWalks bounds the walks at a time.
	maxWalks = 4
)

// DoctorLine is a line of a report that is not done yet.
type DoctorLine struct {
	// Run is the word that the page gave the walk.
	Run  string      `json:"run"`
	Line report.Line `json:"line"`
}

// Doctor finds out why the server with the key cannot be used; it changes
// nothing. run is the page's own word for the walk: it comes back in each
// EventDoctor and is what CancelDoctor takes.
func (a *App) Doctor(run, key string) (report.Report, error) {
	return a.walk(run, control.Keyed(key))
}

// DoctorAddress does the same with a server that has not been added.
func (a *App) DoctorAddress(run, address string) (report.Report, error) {
	return a.walk(run, control.Unnamed(config.Server{URL: address}))
}

// CancelDoctor ends the walk with the run; one that has ended is no error.
func (a *App) CancelDoctor(run string) {
	a.mu.Lock()
	cancel := a.doctors[run]
	a.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

func (a *App) walk(run string, target control.Target) (r report.Report, err error) {
	err = a.callWithin(doctorTime, func(ctx context.Context, agent Agent) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		if err := a.beginWalk(run, cancel); err != nil {
			return err
		}
		defer a.endWalk(run)
		r, err = agent.Doctor(ctx, target, func(l report.Line) { a.emit(ctx, EventDoctor, DoctorLine{run, l}) })
		return err
	})
	return r, err
}

func (a *App) beginWalk(run string, cancel context.CancelFunc) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.doctors[run] != nil || len(a.doctors) >= maxWalks {
		return fault.New(fault.Usage, "The doctor is at work already.", "Wait until it is done, or cancel it.")
	}
	if a.doctors == nil {
		a.doctors = map[string]context.CancelFunc{}
	}
	a.doctors[run] = cancel
	return nil
}

func (a *App) endWalk(run string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.doctors, run)
}
