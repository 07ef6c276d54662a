package vault

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newTerminal makes a terminal: the screen and keyboard, and the programs' end.
func newTerminal(t *testing.T) (screen, programs *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	programs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = programs.Close() })
	return screen, programs
}

// onTerminal starts a process that asks, with its standard input elsewhere.
func onTerminal(t *testing.T, within time.Duration, programs *os.File) *process {
	t.Helper()
	p := prepare(t, job{Do: "ask", Within: within})
	p.cmd.Stdin = strings.NewReader("{\"jsonrpc\":\"2.0\"}\n")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if programs != nil {
		p.cmd.ExtraFiles = []*os.File{programs}
		p.cmd.SysProcAttr.Setctty, p.cmd.SysProcAttr.Ctty = true, 3
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func echoes(t *testing.T, programs *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(programs.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

func TestTerminalAsks(t *testing.T) {
	screen, programs := newTerminal(t)
	p := onTerminal(t, longEnough, programs)
	shown := make(chan string, 1)
	go func() { // ends with the terminal
		var all strings.Builder
		buf := make([]byte, 256)
		for {
			n, err := screen.Read(buf)
			all.Write(buf[:n])
			if err != nil || strings.HasSuffix(all.String(), "\r\n") {
				shown <- all.String()
				return
			}
		}
	}()
	if !soon(func() bool { return !echoes(t, programs) }) {
		t.Fatal("the answer would be seen")
	}
	if _, err := screen.WriteString("correct hörse\n"); err != nil {
		t.Fatal(err)
	}
	if r := p.end(); r.Answer != "correct hörse" || r.Err != "" {
		t.Errorf("%+v", r)
	}
	if got := <-shown; got != "Say: \r\n" {
		t.Errorf("on the screen: %q", got)
	}
	if !echoes(t, programs) {
		t.Error("the terminal does not echo any more")
	}
}

// Nobody answers: the process ends in time and leaves the terminal in order.
func TestTerminalThatNobodyAnswers(t *testing.T) {
	_, programs := newTerminal(t)
	p := onTerminal(t, 500*time.Millisecond, programs)
	if r := p.end(); !strings.Contains(r.Err, "deadline") || r.Took > longEnough/2 {
		t.Errorf("%+v", r)
	}
	if !echoes(t, programs) {
		t.Error("the terminal does not echo any more")
	}
}

// Nor is the echo turned off by a reader that begins when nobody waits any more.
func TestTerminalGivenUpAtOnce(t *testing.T) {
	_, programs := newTerminal(t)
	p := onTerminal(t, time.Nanosecond, programs)
	if r := p.end(); !strings.Contains(r.Err, "deadline") {
		t.Errorf("%+v", r)
	}
	if !echoes(t, programs) {
		t.Error("the terminal does not echo any more")
	}
}

// A terminal that had the echo off before keeps it so, and nobody waits for that.
func TestTerminalWithoutEcho(t *testing.T) {
	_, programs := newTerminal(t)
	state, err := unix.IoctlGetTermios(int(programs.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	state.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(programs.Fd()), unix.TCSETS, state); err != nil {
		t.Fatal(err)
	}
	p := onTerminal(t, 100*time.Millisecond, programs)
	if r := p.end(); !strings.Contains(r.Err, "deadline") {
		t.Errorf("%+v", r)
	}
	if echoes(t, programs) {
		t.Error("the terminal echoes what it did not echo before")
	}
}

// Standard input is never asked, whatever it is.
func TestNoTerminal(t *testing.T) {
	p := onTerminal(t, longEnough, nil)
	if r := p.end(); r.Answer != "" || !strings.Contains(r.Err, ErrNobody.Error()) {
		t.Errorf("%+v", r)
	}
}
