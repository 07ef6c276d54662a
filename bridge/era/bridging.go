package era

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
)

// gone are methods of the legacy era that a modern client has no business with.
var gone = []string{methodInitialize, methodPing, methodSetLevel, methodSubscribe, methodUnsubscribe}

// bridge answers a modern client's request out of a legacy session.
func (c *Client) bridge(m jsonrpc.Message) {
	version := metaOf(m.Params, metaVersion)
	switch {
	case text(version) == "" || !isObject(metaOf(m.Params, metaCapabilities)):
		c.refuse(m, codeInvalidParams, "params._meta lacks "+metaVersion+" or "+metaCapabilities+".", nil)
		return
	case text(version) != Version:
		c.refuse(m, codeUnsupportedVersion, "Unsupported protocol version", map[string]any{"supported": []string{Version}, "requested": text(version)})
		return
	case slices.Contains(gone, m.Method) || strings.HasPrefix(m.Method, "tasks/"):
		c.refuse(m, codeUnknownMethod, "Method not found", nil)
		return
	}
	if state := jsonrpc.Member(m.Params, "requestState"); state != nil && takesInput[m.Method] {
		c.resume(m, text(state))
		return
	}
	u, err := c.upstreamFor(c.ctx, m)
	if err != nil {
		c.excuse(m, err)
		return
	}
	switch m.Method {
	case methodDiscover:
		c.reply(m.ID, jsonrpc.NewResult(m.ID, discoverResult(u.initialized)))
	case methodListen:
		u.listen(m)
	default:
		u.call(m)
	}
}

// excuse answers a request for which there is no session.
func (c *Client) excuse(m jsonrpc.Message, err error) {
	if c.ctx.Err() != nil {
		return
	}
	var own *answered
	if errors.As(err, &own) {
		c.reply(m.ID, jsonrpc.Answer(m.ID, jsonrpc.Message{Error: own.problem}))
		return
	}
	c.first.Fail(m, fault.Wrap(err, fault.Unreachable, "The server has not opened a session.", "Try again in a moment."))
}

// call sends a request upstream under an id of its own.
func (u *upstream) call(m jsonrpc.Message) {
	meta := jsonrpc.Member(m.Params, "_meta")
	params := splice(m.Params, []field{{"_meta", without(meta, metaVersion, metaClientInfo, metaCapabilities, metaLogLevel)}}, "inputResponses")
	if len(bytesOfMembers(jsonrpc.Member(params, "_meta"))) == 0 {
		params = without(params, "_meta")
	}
	one := &call{
		u: u, id: u.newID(), method: m.Method, identity: identity(m), client: m.ID,
		token: jsonrpc.Member(meta, "progressToken"), level: text(jsonrpc.Member(meta, metaLogLevel)),
	}
	u.mu.Lock()
	u.calls[string(one.id)] = one
	u.mu.Unlock()
	u.c.mu.Lock()
	u.c.lastCall++
	one.name = strconv.Itoa(u.c.lastCall)
	u.c.calls[one] = struct{}{}
	cancelled := u.c.serving[string(m.ID)]
	u.c.mu.Unlock()
	if cancelled {
		one.giveUp("The client has cancelled the request.")
		return
	}
	if one.level != "" {
		u.raiseLevel(one.level)
	}
	u.receive(jsonrpc.NewRequest(one.id, m.Method, params))
}

// raiseLevel sees to it that the server logs at least what is asked for.
func (u *upstream) raiseLevel(level string) {
	wanted := slices.Index(levels, level)
	if wanted < 0 || jsonrpc.Member(jsonrpc.Member(u.initialized, "capabilities"), "logging") == nil || u.logs(wanted) {
		return
	}
	if u.raising.take(u.c.ctx) != nil {
		return
	}
	defer u.raising.leave()
	if u.logs(wanted) {
		return
	}
	_, err := u.ask(u.c.ctx, methodSetLevel, splice(nil, []field{{"level", quote(level)}}))
	if err != nil {
		u.c.log.Warn("log level not set", "error", err)
	}
	u.mu.Lock()
	u.level = wanted // also when it did not work: no other call waits for that
	u.mu.Unlock()
}

// logs reports whether the server was told to log what has the level.
func (u *upstream) logs(level int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.level >= 0 && u.level <= level
}

// resume takes a client's answers to the call that they are for.
func (c *Client) resume(m jsonrpc.Message, state string) {
	name, _, _ := strings.Cut(state, ".")
	c.mu.Lock()
	var found *call
	for one := range c.calls {
		if one.name == name && one.identity == identity(m) {
			found = one
		}
	}
	c.mu.Unlock()
	if found == nil || !found.resume(m, state) {
		c.refuse(m, codeInvalidParams, "This requestState is unknown, used or expired. Send the request anew, without it.", nil)
	}
}

// cancelCall ends the request of the client that has the id.
func (c *Client) cancelCall(id json.RawMessage) {
	c.mu.Lock()
	calls := slices.Collect(maps.Keys(c.calls)) // a call's lock comes before this one
	upstreams := slices.Collect(maps.Values(c.upstreams))
	c.mu.Unlock()
	for _, one := range calls {
		if one.waitsWith(id) {
			one.giveUp("The client has cancelled the request.")
			return
		}
	}
	for _, u := range upstreams {
		u.unlisten(id)
	}
}

// isCancelled reports whether a request was cancelled while it is served.
func (c *Client) isCancelled(id json.RawMessage) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.serving[string(id)]
}

// listener is one subscriptions/listen of a client.
type listener struct {
	id     json.RawMessage
	lists  map[string]bool // methods of notifications
	uris   []string
	raised bool              // acknowledged: from here on it is told
	early  []jsonrpc.Message // what came before that
}

// earlyMost bounds what is kept for a listener until it is acknowledged.
const earlyMost = 256

// listen acknowledges what the server can tell of and goes on telling; there is
// no answer until the connection ends.
func (u *upstream) listen(m jsonrpc.Message) {
	filter := jsonrpc.Member(m.Params, "notifications")
	capabilities := jsonrpc.Member(u.initialized, "capabilities")
	l := &listener{id: m.ID, lists: map[string]bool{}}
	var accepted []field
	for _, one := range listChanged {
		if string(jsonrpc.Member(filter, one.filter)) == "true" && string(jsonrpc.Member(jsonrpc.Member(capabilities, one.capability), "listChanged")) == "true" {
			l.lists[one.method] = true
			accepted = append(accepted, field{one.filter, json.RawMessage("true")})
		}
	}
	var wanted []string
	_ = json.Unmarshal(jsonrpc.Member(filter, "resourceSubscriptions"), &wanted)
	if string(jsonrpc.Member(jsonrpc.Member(capabilities, "resources"), "subscribe")) != "true" {
		wanted = nil
	}
	for _, uri := range wanted {
		if err := u.follow(u.c.ctx, uri); err != nil {
			u.c.log.Info("resource not subscribed to", "error", err)
			continue
		}
		l.uris = append(l.uris, uri)
	}
	if len(l.uris) > 0 {
		raw, _ := json.Marshal(l.uris) // always encodable
		accepted = append(accepted, field{"resourceSubscriptions", raw})
	}
	tagged := splice(nil, []field{{"notifications", splice(nil, accepted)}, {"_meta", subscriptionMeta(nil, l.id)}})
	u.mu.Lock()
	u.listeners[l] = struct{}{}
	u.mu.Unlock()
	if u.c.isCancelled(m.ID) { // who cancels from here on finds the listener
		u.unlisten(m.ID)
		return
	}
	u.c.reply(l.id, jsonrpc.NewNotificationWith(methodAcknowledged, tagged)) // has to be the first
	for {
		u.mu.Lock()
		early := l.early
		l.early, l.raised = nil, early == nil
		u.mu.Unlock()
		if early == nil {
			return
		}
		for _, m := range early {
			u.tell(l.id, m)
		}
	}
}

// follow subscribes to a resource unless it is already.
func (u *upstream) follow(ctx context.Context, uri string) error {
	if err := u.following.take(ctx); err != nil {
		return err
	}
	defer u.following.leave()
	u.mu.Lock()
	_, already := u.resources[uri]
	if already {
		u.resources[uri]++
	}
	u.mu.Unlock()
	if already {
		return nil
	}
	answer, err := u.ask(ctx, methodSubscribe, splice(nil, []field{{"uri", quote(uri)}}))
	if err == nil && answer.Error != nil {
		err = fmt.Errorf("%s: %s", methodSubscribe, answer.Error)
	}
	if err == nil {
		u.mu.Lock()
		u.resources[uri] = 1
		u.mu.Unlock()
	}
	return err
}

// unfollow ends the subscription of a resource that nobody follows any more.
func (u *upstream) unfollow(ctx context.Context, uri string) {
	if u.following.take(ctx) != nil {
		return
	}
	defer u.following.leave()
	u.mu.Lock()
	followers, still := u.resources[uri] // somebody may have come meanwhile, or been here first
	over := still && followers == 0
	if over {
		delete(u.resources, uri)
	}
	u.mu.Unlock()
	if over {
		_, _ = u.ask(ctx, methodUnsubscribe, splice(nil, []field{{"uri", quote(uri)}}))
	}
}

// unlisten ends the listen that has the id.
func (u *upstream) unlisten(id json.RawMessage) {
	u.mu.Lock()
	var left []string
	for l := range u.listeners {
		if !jsonrpc.SameID(l.id, id) {
			continue
		}
		delete(u.listeners, l)
		for _, uri := range l.uris {
			if u.resources[uri]--; u.resources[uri] == 0 {
				left = append(left, uri)
			}
		}
	}
	u.mu.Unlock()
	for _, uri := range left {
		u.c.work.Go(func() { u.unfollow(u.c.ctx, uri) })
	}
}

// publish tells who listens. An update may be of a part of the resource that was
// subscribed to, so it goes to all who subscribed to any.
func (u *upstream) publish(m jsonrpc.Message) {
	u.mu.Lock()
	var to []json.RawMessage
	for l := range u.listeners {
		switch {
		case !l.lists[m.Method] && (m.Method != methodUpdated || len(l.uris) == 0):
		case l.raised:
			to = append(to, l.id)
		case len(l.early) < earlyMost:
			l.early = append(l.early, m)
		}
	}
	u.mu.Unlock()
	for _, id := range to {
		u.tell(id, m)
	}
}

// tell gives a notification to the listener with the id.
func (u *upstream) tell(id json.RawMessage, m jsonrpc.Message) {
	params := splice(m.Params, []field{{"_meta", subscriptionMeta(jsonrpc.Member(m.Params, "_meta"), id)}})
	u.c.reply(id, jsonrpc.NewNotificationWith(m.Method, params))
}

func subscriptionMeta(given, id json.RawMessage) json.RawMessage {
	return splice(given, []field{{metaSubscription, id}})
}
