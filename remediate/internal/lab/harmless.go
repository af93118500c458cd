package lab

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What a lab needs to be free: the largest container has 128 MiB, the image some
// 50 MiB and the logs of one container 12 MiB.
const (
	memoryNeeded  = 300 << 20
	diskNeeded    = 500 << 20
	threadsNeeded = 1000
)

// harmless says why probes would do harm on this host, or prove nothing.
func harmless(o Options) error {
	if os.Geteuid() != 0 {
		return errors.New("only root may prove: the probes look at containers from the host")
	}
	if o.DockerHost != "" && !strings.HasPrefix(o.DockerHost, "unix://") {
		return errors.New("the probes run on this host only, and need a Docker daemon on a unix socket")
	}
	if err := selfContained(); err != nil {
		return err
	}
	return errors.Join(idle(), roomy(o))
}

// idle asks for memory and for processes, of which the probes start some hundreds.
func idle() error {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return fmt.Errorf("cannot tell how much memory is free: %w", err)
	}
	if free := available(string(b)); free < memoryNeeded {
		return fmt.Errorf("only %d MiB of memory are free on this host; the probes need %d MiB, and are not worth that work is killed", free>>20, memoryNeeded>>20)
	}
	running, most := threads(), min(setting("/proc/sys/kernel/pid_max"), setting("/proc/sys/kernel/threads-max"))
	if running+threadsNeeded > most {
		return fmt.Errorf("%d processes and threads run on this host, of %d that it can have; the probes need %d", running, most, threadsNeeded)
	}
	return nil
}

// threads is how many there are, after the slash in /proc/loadavg (proc(5)); 0 if
// that cannot be read.
func threads() int64 {
	b, _ := os.ReadFile("/proc/loadavg")
	_, rest, _ := strings.Cut(string(b), "/")
	total, _, _ := strings.Cut(rest, " ")
	n, _ := strconv.ParseInt(total, 10, 64)
	return n
}

// setting is a number below /proc/sys; one that cannot be read bounds nothing.
func setting(path string) int64 {
	b, _ := os.ReadFile(path)
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return n
}

// available is the line MemAvailable of /proc/meminfo (proc(5)), in bytes; 0
// without it.
func available(meminfo string) int64 {
	for line := range strings.Lines(meminfo) {
		if v, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
			return n << 10
		}
	}
	return 0
}

// roomy asks for space where dockerd keeps images and logs. That it cannot be
// asked is no reason to refuse: dockerd will say so itself.
func roomy(o Options) error {
	if o.Snapshot == nil {
		return nil
	}
	engine, ok := o.Snapshot.Engine.Get()
	var st unix.Statfs_t
	if !ok || engine.RootDir == "" || unix.Statfs(engine.RootDir, &st) != nil {
		return nil
	}
	if free := int64(st.Bavail) * st.Bsize; free < diskNeeded {
		return fmt.Errorf("only %d MiB are free in %s; the probes need %d MiB", free>>20, engine.RootDir, diskNeeded>>20)
	}
	return nil
}
