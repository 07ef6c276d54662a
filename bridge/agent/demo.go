package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

const (
	// demoServer is the name under which the demo is added.
	demoServer = "demo"
	// demoStart bounds the demo's start, demoEnd its end when it is asked to.
	demoStart = 20 * time.Second
	demoEnd   = 3 * time.Second
	// demoLifetime is that of the demo's tokens: short enough to see one renewed.
	demoLifetime = "60s"
)

// TryDemo implements control.DemoRunner. The demo's servers are a program of
// their own, which ends with the agent: its standard input is a pipe of ours.
func (a *Agent) TryDemo(ctx context.Context) (control.SignIn, error) {
	if a.cfg.Demo == "" {
		return control.SignIn{}, fault.New(fault.Unsupported, "The demo is not installed.", "drawbridge-demo has to be beside drawbridge.")
	}
	a.demo.Lock()
	defer a.demo.Unlock()
	settings, err := config.Load(a.cfg.Paths)
	if err != nil {
		return control.SignIn{}, err
	}
	there, missing := settings.Find(demoServer)
	if a.demoURL == "" {
		addr := ""
		if u, err := url.Parse(there.URL); missing == nil && err == nil && u.Scheme == "http" && config.IsLoopback(u.Hostname()) {
			addr = u.Host // where it was the last time
		}
		if a.demoURL, err = a.startDemo(ctx, addr); err != nil {
			return control.SignIn{}, err
		}
	}
	switch {
	case missing != nil:
		err = a.AddServer(ctx, config.Server{Name: demoServer, URL: a.demoURL})
	case there.URL != a.demoURL:
		err = fault.New(fault.ServerExists, fmt.Sprintf("There is a server named %q already: %s", demoServer, there.URL), "Remove it, or give it another name, then try the demo again.")
	}
	if err != nil {
		return control.SignIn{}, err
	}
	return a.StartSignIn(ctx, control.SignInRequest{Target: control.Named(demoServer)})
}

// startDemo runs the demo's servers and returns the address of the MCP server. Call
// it with demo held.
func (a *Agent) startDemo(ctx context.Context, addr string) (string, error) {
	failed := func(err error) error {
		return fault.Wrap(err, fault.Internal, "The demo could not be started.", "See the agent's log, or try it in a terminal: drawbridge demo")
	}
	run, cancel := context.WithCancel(a.life)
	cmd := exec.CommandContext(run, a.cfg.Demo, "-serve", "-token-lifetime", demoLifetime, "-addr", addr)
	cmd.WaitDelay = a.cfg.demoEnd
	in, err := cmd.StdinPipe()
	if err != nil {
		cancel()
		return "", failed(err)
	}
	cmd.Cancel = in.Close // it ends by itself then; after WaitDelay it is killed
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return "", failed(err)
	}
	a.demoRun = cmd
	line := make(chan string, 1)
	a.tasks.Go(func() {
		defer cancel()
		s := bufio.NewScanner(out)
		s.Scan()
		line <- s.Text()
		for s.Scan() { // it says no more
		}
		err := cmd.Wait()
		a.demo.Lock()
		defer a.demo.Unlock()
		if a.demoRun == cmd { // or another one runs by now
			a.demoURL = ""
		}
		a.log.Info("the demo ended", "error", err)
	})
	ctx, stop := context.WithTimeout(ctx, demoStart)
	defer stop()
	var served struct {
		URL string `json:"url"`
	}
	select {
	case said := <-line:
		err = json.Unmarshal([]byte(said), &served)
		if err == nil {
			err = config.CheckURL(served.URL, false)
		}
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		return "", failed(err)
	}
	return served.URL, nil
}
