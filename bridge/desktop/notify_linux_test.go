package desktop

import (
	"context"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// daemon shows notifications, and says what becomes of them.
type daemon struct {
	conn   *dbus.Conn
	name   string
	shown  chan []string // the actions
	closed chan uint32
}

func startDaemon(t *testing.T) *daemon {
	t.Helper()
	return startDaemonOf(t, "")
}

// startDaemonOf is startDaemon for one that says what it is called.
func startDaemonOf(t *testing.T, name string) *daemon {
	t.Helper()
	d := &daemon{name: name, conn: bus(t), shown: make(chan []string, 1), closed: make(chan uint32, 1)}
	stand(t, d.conn, notifyName, notifyPath, notifyName, map[string]any{
		"Notify": func(_ string, _ uint32, _, _, _ string, actions []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
			d.shown <- actions
			return 7, nil
		},
		"GetServerInformation": func() (name, vendor, version, spec string, err *dbus.Error) {
			return d.name, "", "", "1.2", nil
		},
		"CloseNotification": func(id uint32) *dbus.Error { d.closed <- id; return nil },
	})
	return d
}

func (d *daemon) say(t *testing.T, signal string, values ...any) {
	t.Helper()
	if err := d.conn.Emit(notifyPath, notifyName+"."+signal, values...); err != nil {
		t.Fatal(err)
	}
}

// notified is how a notification ended.
type notified struct {
	chosen bool
	err    error
}

func notify(ctx context.Context) <-chan notified {
	ended := make(chan notified, 1)
	go func() {
		chosen, err := Notify(ctx, Notification{Title: "demo", Action: "Sign in"})
		ended <- notified{chosen, err}
	}()
	return ended
}

func (d *daemon) ends(t *testing.T, ended <-chan notified, chosen bool) {
	t.Helper()
	select {
	case got := <-ended:
		if got.err != nil || got.chosen != chosen {
			t.Errorf("Notify = %v, %v; want %v", got.chosen, got.err, chosen)
		}
	case <-time.After(patience):
		t.Fatal("Notify does not end")
	}
}

func TestTheActionOfANotification(t *testing.T) {
	d := startDaemon(t)
	ended := notify(t.Context())
	if actions := <-d.shown; len(actions) != 4 || actions[0] != "default" || actions[1] != "Sign in" {
		t.Errorf("actions %q", actions)
	}
	d.say(t, "ActionInvoked", uint32(6), "act") // somebody else's
	d.say(t, "NotificationClosed", uint32(6), uint32(2))
	select {
	case <-ended:
		t.Fatal("it ended with another notification")
	case <-time.After(50 * time.Millisecond):
	}
	d.say(t, "ActionInvoked", uint32(7), "act")
	d.ends(t, ended, true)

	ended = notify(t.Context())
	<-d.shown
	d.say(t, "NotificationClosed", uint32(7), uint32(2))
	d.ends(t, ended, false)
}

func TestANotificationThatIsNotNeededAnyMoreIsTakenBack(t *testing.T) {
	d := startDaemon(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := notify(ctx)
	<-d.shown
	cancel()
	select {
	case id := <-d.closed:
		if id != 7 {
			t.Errorf("closed %d", id)
		}
	case <-time.After(patience):
		t.Fatal("it is not closed")
	}
	d.ends(t, ended, false)
}

// Xfce's draws a button for a click on the notification: there is one button, not two.
func TestAServerThatDrawsAButtonForTheDefaultAction(t *testing.T) {
	d := startDaemonOf(t, "Xfce Notify Daemon")
	ended := notify(t.Context())
	if actions := <-d.shown; len(actions) != 2 || actions[0] != "default" || actions[1] != "Sign in" {
		t.Errorf("actions %q", actions)
	}
	d.say(t, "ActionInvoked", uint32(7), "default")
	d.ends(t, ended, true)
}
