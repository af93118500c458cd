package txn_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// demoUptime shifts the clock by BULWARK_DEMO_LATER.
func demoUptime() func() time.Duration {
	later, _ := time.ParseDuration(os.Getenv("BULWARK_DEMO_LATER"))
	return func() time.Duration { return boottime() + later }
}

func boottime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}

// demoAwait makes apply wait to be confirmed. The dead man is a line in
// ROOT.armed for each call.
func demoAwait(spec *txn.Spec) {
	spec.AwaitConfirm, _ = time.ParseDuration(os.Getenv("BULWARK_DEMO_AWAIT"))
	spec.Arm = func(_ context.Context, id string) error {
		if os.Getenv("BULWARK_DEMO_FAIL") == "arm" {
			return errors.New("there is no timer")
		}
		f, err := os.OpenFile(os.Getenv("BULWARK_DEMO_ROOT")+".armed", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = fmt.Fprintln(f, id)
		return err
	}
}

// demoSleep waits until the uptime BULWARK_DEMO_AT, if that is set.
func demoSleep() {
	if at, err := strconv.ParseInt(os.Getenv("BULWARK_DEMO_AT"), 10, 64); err == nil {
		time.Sleep(time.Duration(at) - boottime())
	}
}

// demoLimit lets no file grow beyond BULWARK_DEMO_FSIZE bytes: a log of that
// size is on a full disk, and short files are not.
func demoLimit() {
	size, err := strconv.ParseUint(os.Getenv("BULWARK_DEMO_FSIZE"), 10, 64)
	if err != nil {
		return
	}
	signal.Ignore(unix.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: size}); err != nil {
		panic(err)
	}
}

func demoConfirm(rep *txn.Report, err error) int {
	if err != nil {
		return report(err)
	}
	fmt.Println(rep.Outcome, rep.ID, rep.Reason)
	return 0
}
