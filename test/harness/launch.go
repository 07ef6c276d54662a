package harness

import (
	"os"
	"testing"
)

// LaunchEnv is the environment that a client which is set up for this world
// launches drawbridge with.
func (r *Rig) LaunchEnv() []string { return append(r.bareEnv(), r.ClientEnv()...) }

// StartProgram starts a program that prints one line when it is ready and ends
// when its standard input does, and returns that line. The test ends it.
func StartProgram(t testing.TB, name string, argv ...string) string {
	t.Helper()
	_, line := startPart(t, name, nil, argv...)
	return line
}

// StartScript starts one of the rig's Node programs, as StartProgram does.
func StartScript(t testing.TB, name string, args ...string) string {
	t.Helper()
	return StartScriptEnv(t, nil, name, args...)
}

// StartScriptEnv is StartScript with more in its environment.
func StartScriptEnv(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	_, line := startPart(t, name, append(os.Environ(), env...), append([]string{node(), script(name)}, args...)...)
	return line
}
