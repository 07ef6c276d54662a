package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Ask sends a request and waits for the answer until ctx ends. Other than Call
// it reports what went wrong and may be used by several goroutines at once.
func (p *Pipe) Ask(ctx context.Context, method, params string) (Message, error) {
	p.mu.Lock()
	p.nextID++
	id := fmt.Sprint(p.nextID)
	answer := make(chan Message, 1)
	p.wait[id] = answer
	p.mu.Unlock()
	if _, err := io.WriteString(p.in, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q,"params":%s}`+"\n", id, method, params)); err != nil {
		return Message{}, fmt.Errorf("send %s: %w", method, err)
	}
	select {
	case m := <-answer:
		return m, nil
	case <-p.done:
		return Message{}, fmt.Errorf("drawbridge ended without an answer to %s", method)
	case <-ctx.Done():
		return Message{}, fmt.Errorf("no answer to %s: %w", method, context.Cause(ctx))
	}
}

// Tell sends a notification without parameters.
func (p *Pipe) Tell(method string) error {
	_, err := io.WriteString(p.in, fmt.Sprintf(`{"jsonrpc":"2.0","method":%q}`+"\n", method))
	return err
}

// Killed is what a process held when it was killed.
type Killed struct {
	PID   int
	Ports []int // local ports of its TCP connections
	// Renewing: it held the lock under which a token is renewed and written down.
	Renewing bool
}

// Kill ends the process with SIGKILL and waits for its end. It is stopped
// first, so that what it held is known exactly.
func (p *Pipe) Kill() (Killed, error) {
	pid := p.cmd.Process.Pid
	if err := stop(p.cmd.Process); err != nil {
		return Killed{}, fmt.Errorf("stop %d: %w", pid, err)
	}
	stillErr := still(pid)
	ports, portsErr := tcpPorts(pid)
	renewing, locksErr := holdsLock(pid)
	if err := p.cmd.Process.Kill(); err != nil {
		return Killed{}, fmt.Errorf("kill %d: %w", pid, err)
	}
	<-p.done
	return Killed{PID: pid, Ports: ports, Renewing: renewing}, errors.Join(stillErr, portsErr, locksErr)
}

// still waits until all threads of a process have stopped, which takes a moment
// after they were told to.
func still(pid int) error {
	for deadline := time.Now().Add(endDeadline); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		running := err != nil || len(threads) == 0
		for _, stat := range threads {
			raw, err := os.ReadFile(stat)
			if err != nil {
				continue // it has ended
			}
			_, state, _ := strings.Cut(string(raw), ") ") // after the name, which may hold spaces
			running = running || !strings.HasPrefix(state, "T")
		}
		if !running {
			return nil
		}
	}
	return fmt.Errorf("process %d does not stop", pid)
}

// holdsLock reports whether a process holds the lock of a credential.
func holdsLock(pid int) (bool, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	open, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return false, fmt.Errorf("list the files of %d: %w", pid, err)
	}
	for _, fd := range open {
		target, err := os.Readlink(filepath.Join(dir, "fd", fd.Name()))
		if err != nil || filepath.Base(filepath.Dir(target)) != "locks" {
			continue
		}
		info, err := os.ReadFile(filepath.Join(dir, "fdinfo", fd.Name())) // proc(5): it names the locks
		if err != nil {
			return false, fmt.Errorf("look at %s of %d: %w", target, pid, err)
		}
		if strings.Contains(string(info), "FLOCK") {
			return true, nil
		}
	}
	return false, nil
}

// Ports is the local ports of the process' TCP connections.
func (p *Pipe) Ports() ([]int, error) { return tcpPorts(p.cmd.Process.Pid) }

func tcpPorts(pid int) ([]int, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	open, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return nil, fmt.Errorf("list the files of %d: %w", pid, err)
	}
	sockets := map[string]bool{}
	for _, fd := range open {
		target, err := os.Readlink(filepath.Join(dir, "fd", fd.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			sockets[strings.TrimSuffix(inode, "]")] = true
		}
	}
	var ports []int
	for _, table := range []string{"tcp", "tcp6"} {
		raw, err := os.ReadFile(filepath.Join(dir, "net", table))
		if err != nil {
			continue // a kernel without IPv6
		}
		for line := range strings.Lines(string(raw)) {
			fields := strings.Fields(line) // sl local_address rem_address st … inode is the tenth
			if len(fields) < 10 || !sockets[fields[9]] {
				continue
			}
			_, hex, _ := strings.Cut(fields[1], ":")
			if port, err := strconv.ParseInt(hex, 16, 32); err == nil {
				ports = append(ports, int(port))
			}
		}
	}
	return ports, nil
}
