package desktop

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	notifyName = "org.freedesktop.Notifications"
	notifyPath = dbus.ObjectPath("/org/freedesktop/Notifications")
)

// OffersActions tells whether notifications have actions here.
const OffersActions = true

// Notify shows a notification (Desktop Notifications Specification 1.2). It is
// an error when nobody shows notifications. One with an Action is waited for:
// chosen is true when the person takes it, and false when the notification is
// closed. When ctx ends it is taken back; an error then wraps ctx's, and
// context.DeadlineExceeded where the bus hangs.
func Notify(ctx context.Context, n Notification) (chosen bool, err error) {
	held, release := context.WithCancelCause(ctx)
	if n.Action != "" { // it ends once it is known what to take back
		release(nil)
		held, release = context.WithCancelCause(context.WithoutCancel(ctx))
	}
	defer release(nil)
	late := time.AfterFunc(callLimit, func() { release(context.DeadlineExceeded) }) // a bus that hangs is not waited for
	defer late.Stop()
	conn, err := connect(held)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	var signals chan *dbus.Signal
	if n.Action != "" {
		signals = make(chan *dbus.Signal, 16)
		conn.Signal(signals)
		err := conn.AddMatchSignalContext(held, dbus.WithMatchSender(notifyName), dbus.WithMatchObjectPath(notifyPath), dbus.WithMatchInterface(notifyName))
		if err != nil {
			return false, fmt.Errorf("listen for a notification's end: %w", err)
		}
	}
	id, err := show(held, conn, n)
	if err != nil || n.Action == "" || !late.Stop() {
		return false, err
	}
	for {
		select {
		case s, ok := <-signals:
			if !ok {
				return false, nil // the bus is gone, and with it the notification
			}
			if len(s.Body) == 0 || s.Body[0] != id {
				continue
			}
			switch s.Name {
			case notifyName + ".ActionInvoked":
				return true, nil
			case notifyName + ".NotificationClosed":
				return false, nil
			}
		case <-ctx.Done():
			late.Reset(callLimit)
			err := conn.Object(notifyName, notifyPath).CallWithContext(held, notifyName+".CloseNotification", dbus.FlagNoAutoStart, id).Err
			if err != nil {
				return false, fmt.Errorf("take a notification back: %w", err)
			}
			return false, nil
		}
	}
}

func show(ctx context.Context, conn *dbus.Conn, n Notification) (id uint32, err error) {
	// Bodies are markup where the server knows markup.
	body := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(n.Body)
	hints := map[string]dbus.Variant{"desktop-entry": dbus.MakeVariant("drawbridge")}
	server := conn.Object(notifyName, notifyPath)
	actions := []string{}
	if n.Action != "" { // a click on the notification itself, and a button
		actions = []string{"default", n.Action}
		if !buttonForDefault(ctx, server) {
			actions = append(actions, "act", n.Action)
		}
	}
	err = server.
		CallWithContext(ctx, notifyName+".Notify", 0, "Drawbridge", uint32(0), "", n.Title, body, actions, hints, int32(-1)).Store(&id)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause // or it may be that of the connection, which ends with ctx
	}
	if err != nil {
		return 0, fmt.Errorf("show a notification: %w", err)
	}
	return id, nil
}

// buttonForDefault tells whether a server draws a button for the action "default",
// too, which the specification means for a click on the notification: a second
// button would say the same.
func buttonForDefault(ctx context.Context, server dbus.BusObject) bool {
	var name, vendor, version, spec string
	err := server.CallWithContext(ctx, notifyName+".GetServerInformation", 0).Store(&name, &vendor, &version, &spec)
	return err == nil && name == "Xfce Notify Daemon"
}
