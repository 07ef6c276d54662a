package agent

import (
	"context"

	"drawbridge/bridge/control"
	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
)

// Doctor implements control.Backend. It ends with the request, or the agent.
func (a *Agent) Doctor(ctx context.Context, target control.Target, progress func(report.Line)) (report.Report, error) {
	if a.cfg.Doctor == nil {
		return report.Report{}, fault.New(fault.Unsupported, "This agent has no doctor.", "Use the command: drawbridge doctor")
	}
	who, _, err := a.find(target)
	if err != nil {
		return report.Report{}, err
	}
	found, err := a.cfg.Doctor(ctx, who.server, who.account, progress)
	if err == nil {
		err = ctx.Err()
	}
	a.rebuild() // a token may have been renewed, or found dead
	return found, err
}
