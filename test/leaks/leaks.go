// Package leaks ends the tests of a package with a look for goroutines that they
// have left behind. It knows nothing of Drawbridge.
package leaks

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// ending is how long a goroutine that is about to end may take: goleak alone waits
// for less than half a second, which a busy machine may keep one from running.
const ending = 10 * time.Second

// Main is the body of a TestMain.
func Main(m *testing.M) { goleak.VerifyTestMain(patient{m}) }

type patient struct{ *testing.M }

// Run runs the tests and waits for what is ending.
func (p patient) Run() int {
	code := p.M.Run()
	for until := time.Now().Add(ending); code == 0 && goleak.Find() != nil && time.Now().Before(until); {
		time.Sleep(50 * time.Millisecond)
	}
	return code
}
