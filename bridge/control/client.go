package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/token"
)

const (
	// quick bounds what the agent answers from memory or from a file.
	quick = 10 * time.Second
	// slow bounds what the agent may have to ask a keychain or a server for.
	slow = 45 * time.Second
	// everywhere bounds signing out of all: a provider that is away takes its time
	// for each credential there.
	everywhere = 5 * time.Minute
	// connectTimeout bounds connecting to the socket. That takes no time, but on a
	// machine that is out of breath.
	connectTimeout = quick
	// maxAnswer bounds an answer, and a line of the stream of changes.
	maxAnswer = 8 << 20
)

// Client speaks to the agent. Its methods return a fault.AgentAway error when
// no agent listens, and otherwise the agent's own fault.Error. Each has a
// deadline of its own within ctx, except Changes and WaitSignIn. It may be used
// by many goroutines.
type Client struct {
	http *http.Client
}

// Dial makes a client for the agent of these folders; it connects when it is used.
func Dial(p config.Paths) *Client {
	socket := p.Socket()
	return &Client{http: &http.Client{
		Transport: &http.Transport{
			DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return connect(ctx, socket) },
			MaxIdleConns:           2,
			IdleConnTimeout:        30 * time.Second,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// connect reaches the agent only through a folder, and at a process, of this
// user: whoever else made that socket could send people to a sign-in of his own.
func connect(ctx context.Context, socket string) (net.Conn, error) {
	if err := checkFolder(filepath.Dir(socket)); err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: connectTimeout}
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	if err := checkPeer(conn.(*net.UnixConn)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// Close lets go of idle connections. The client stays usable.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Snapshot returns the current state.
func (c *Client) Snapshot(ctx context.Context) (Snapshot, error) {
	var s Snapshot
	err := c.call(ctx, quick, http.MethodGet, "/v1/snapshot", nil, &s)
	return s, err
}

// AddServer puts a server into the settings.
func (c *Client) AddServer(ctx context.Context, server config.Server) error {
	return c.call(ctx, quick, http.MethodPost, "/v1/servers", server, nil)
}

// RemoveServer signs out of all accounts of a server and takes it out of the
// settings. The Problem is not nil when it is out but its token could not be revoked.
func (c *Client) RemoveServer(ctx context.Context, name string) (*Problem, error) {
	var w Warning
	err := c.call(ctx, slow, http.MethodDelete, "/v1/servers/"+url.PathEscape(name), nil, &w)
	return w.Problem, err
}

// RemoveAccount signs out and forgets one account of a server. The Problem is
// not nil when it is gone but its token could not be revoked.
func (c *Client) RemoveAccount(ctx context.Context, key string) (*Problem, error) {
	var w Warning
	err := c.call(ctx, slow, http.MethodDelete, "/v1/accounts/"+url.PathEscape(key), nil, &w)
	return w.Problem, err
}

// StartSignIn begins a sign-in in the browser, or joins the one under way; it
// does not wait for the person.
func (c *Client) StartSignIn(ctx context.Context, req SignInRequest) (SignIn, error) {
	var s SignIn
	err := c.call(ctx, quick, http.MethodPost, "/v1/signins", req, &s)
	return s, err
}

// WaitSignIn waits until the sign-in is done, at most until ctx ends. progress,
// if not nil, is called when the sign-in's address is known. How the sign-in
// ended is in SignIn.Problem; an error means that it is not known.
func (c *Client) WaitSignIn(ctx context.Context, id string, progress func(SignIn)) (SignIn, error) {
	seen := ""
	for {
		query := url.Values{"wait": {maxWait.String()}, "seen": {seen}}
		var s SignIn
		if err := c.call(ctx, maxWait+quick, http.MethodGet, "/v1/signins/"+url.PathEscape(id)+"?"+query.Encode(), nil, &s); err != nil {
			return SignIn{}, err
		}
		if s.Done {
			return s, nil
		}
		if s.URL != seen {
			seen = s.URL
			if progress != nil {
				progress(s)
			}
		}
	}
}

// CancelSignIn ends a sign-in that is under way.
func (c *Client) CancelSignIn(ctx context.Context, id string) error {
	return c.call(ctx, quick, http.MethodDelete, "/v1/signins/"+url.PathEscape(id), nil, nil)
}

// CancelSignIns ends the sign-ins under way, of the credential with the key or,
// for "", all of them, and returns when they have ended: none of them stores a
// token after that.
func (c *Client) CancelSignIns(ctx context.Context, key string) error {
	return c.call(ctx, quick, http.MethodPost, "/v1/signins/cancel", Keyed(key), nil)
}

// SignOut revokes and deletes a credential. The Problem is not nil when it is
// gone from this machine but could not be revoked.
func (c *Client) SignOut(ctx context.Context, target Target) (*Problem, error) {
	var w Warning
	err := c.call(ctx, slow, http.MethodPost, "/v1/signout", target, &w)
	return w.Problem, err
}

// SignOutEverywhere cancels the sign-ins under way and signs out of every
// credential on this computer, unnamed servers and all accounts included. How
// each went is in the outcomes. The agent goes on when ctx ends.
func (c *Client) SignOutEverywhere(ctx context.Context) ([]Outcome, error) {
	var outcomes []Outcome
	err := c.call(ctx, everywhere, http.MethodPost, "/v1/signout-everywhere", none{}, &outcomes)
	return outcomes, err
}

// Token explains the access token of the credential with the key.
func (c *Client) Token(ctx context.Context, key string) (token.Report, error) {
	var r token.Report
	err := c.call(ctx, slow, http.MethodGet, "/v1/servers/"+url.PathEscape(key)+"/token", nil, &r)
	return r, err
}

// TokenDifference says how the access token of the credential with the key differs
// from the one before it; nil while the agent has seen only one.
func (c *Client) TokenDifference(ctx context.Context, key string) (*token.Difference, error) {
	var d *token.Difference
	err := c.call(ctx, slow, http.MethodGet, "/v1/servers/"+url.PathEscape(key)+"/token/difference", nil, &d)
	return d, err
}

// AskToken has the authorization server asked what the access token of the
// credential with the key is good for and whose it is.
func (c *Client) AskToken(ctx context.Context, key string) (TokenAnswer, error) {
	var a TokenAnswer
	err := c.call(ctx, slow, http.MethodPost, "/v1/servers/"+url.PathEscape(key)+"/token/ask", none{}, &a)
	return a, err
}

// CopyToken has the agent put the access token of the credential with the key into
// the clipboard, and take it out again half a minute later, or when the agent ends,
// unless something else is there by then. The token does not come here. Ask the
// person first.
func (c *Client) CopyToken(ctx context.Context, key string) error {
	return c.call(ctx, slow, http.MethodPost, "/v1/servers/"+url.PathEscape(key)+"/token/copy", none{}, nil)
}

// Need tells the agent that only a person can help this client on.
func (c *Client) Need(ctx context.Context, target Target) (NeedAnswer, error) {
	var n NeedAnswer
	err := c.call(ctx, quick, http.MethodPost, "/v1/need", target, &n)
	return n, err
}

// OpenWindow opens Drawbridge's window.
func (c *Client) OpenWindow(ctx context.Context) error {
	return c.call(ctx, quick, http.MethodPost, "/v1/window", none{}, nil)
}

// Keep makes an agent that was started on demand stay, with its tray.
func (c *Client) Keep(ctx context.Context) error {
	return c.call(ctx, quick, http.MethodPost, "/v1/keep", none{}, nil)
}

// Stop asks the agent to end and waits, at most until ctx ends, until it has
// let go of its socket.
func (c *Client) Stop(ctx context.Context) error {
	if err := c.call(ctx, quick, http.MethodPost, "/v1/stop", none{}, nil); err != nil {
		return err
	}
	c.Close()
	for {
		if _, err := c.Snapshot(ctx); fault.Is(err, fault.AgentAway) {
			return nil
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return fmt.Errorf("wait for the agent's end: %w", err)
		}
	}
}

// call sends body, if any, as JSON and reads the answer into answer, if any.
func (c *Client) call(ctx context.Context, limit time.Duration, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return away(ctx, err)
	}
	if answer == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("read the agent's answer to %s %s: %w", method, path, err)
	}
	return nil
}

// send returns a response with a status of success; its body is the caller's to close.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write a request for the agent: %w", err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, reader)
	if err != nil {
		return nil, fmt.Errorf("make a request for the agent: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, away(ctx, err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	var p Problem
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(&p); err != nil || p.What == "" {
		return nil, fault.Wrap(fmt.Errorf("%s %s: status %d", method, path, resp.StatusCode), fault.AgentAway,
			"Drawbridge's agent does not know that request.", "It may be of another version: stop it and try again.")
	}
	return nil, p.Err()
}

// away says that the agent cannot be reached, unless the caller gave up or the
// reason is one that a person should read.
func away(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return context.Canceled
	}
	if p := (*fault.Error)(nil); errors.As(err, &p) {
		return p
	}
	return fault.Wrap(err, fault.AgentAway, "Drawbridge's agent does not answer.", "Start it: drawbridge agent")
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
