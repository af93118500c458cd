package probe

import (
	"context"
	"fmt"
	"time"
)

func limitProbes() []Probe {
	return []Probe{
		{
			ID: "pids-limit", Title: "A fork bomb stops at the container's limit",
			Tries: "A container with a limit of 64 processes starts 300.",
			Must:  "The kernel starts no more than 64.",
			Shows: "The limit that docker run --pids-limit and bulwark's limits set is kept on this host.",
			Not:   "That your containers have one.",
			OWASP: []string{"D07"}, Wanted: always, Limit: time.Minute, Run: pidsLimit,
		},
		{
			ID: "memory-limit", Title: "A container that takes too much memory is ended, alone",
			Tries: "A container with a limit of 32 MiB, without swap, takes 96 MiB.",
			Must:  "The kernel kills it.",
			Shows: "The limit that docker run --memory and bulwark's limits set is kept on this host.",
			Not:   "That your containers have one.",
			OWASP: []string{"D07"}, Wanted: always, Limit: time.Minute, Run: memoryLimit,
		},
		logProbe(),
		diskProbe(),
		ulimitProbe(),
	}
}

const (
	pidsAllowed = 64
	pidsWanted  = 300
)

type forks struct {
	Started   int    `json:"started"`
	StoppedBy string `json:"stopped_by"`
}

func (f forks) String() string {
	return fmt.Sprintf("%d of %d processes were started", f.Started, pidsWanted)
}

func pidsLimit(ctx context.Context, l Lab) Outcome {
	got, err := fork(ctx, l, Box{Pids: pidsAllowed})
	if err != nil {
		return unable("%v", err)
	}
	holds := got.Started > 0 && got.Started < pidsAllowed && got.StoppedBy == "EAGAIN"
	control, err := fork(ctx, l, Box{NoPids: true})
	if err != nil {
		return controlFailed(holds, got.String(), err.Error())
	}
	positive := "without a limit " + control.String()
	if control.Started != pidsWanted {
		return controlFailed(holds, got.String(), positive+" ("+shown(control.StoppedBy)+")")
	}
	return judged(holds, got.String(), positive, "what stopped it: "+shown(got.StoppedBy))
}

func fork(ctx context.Context, l Lab, b Box) (forks, error) {
	var out forks
	b.Attack = []string{"forks", fmt.Sprint(pidsWanted)}
	res, err := l.Run(ctx, b)
	if err == nil {
		err = read(res, &out)
	}
	return out, err
}

const (
	memoryAllowed = 32 << 20
	memoryWanted  = 96 // MiB
)

func memoryLimit(ctx context.Context, l Lab) Outcome {
	got, killed, err := take(ctx, l, memoryAllowed)
	if err != nil {
		return unable("%v", err)
	}
	observed := fmt.Sprintf("it took %d MiB and was not killed", got)
	if killed {
		observed = "it was killed"
	}
	had, killedToo, err := take(ctx, l, 0)
	switch {
	case err != nil:
		return controlFailed(killed, observed, err.Error())
	case killedToo:
		return controlFailed(killed, observed, "with 128 MiB it was killed too")
	case had != memoryWanted:
		return controlFailed(killed, observed, fmt.Sprintf("with 128 MiB it took %d MiB", had))
	}
	return judged(killed, observed, fmt.Sprintf("with 128 MiB it took %d MiB", had))
}

// take returns how many MiB a container could take. cgroup v2 counts the kill
// where the daemon may miss it: the signal tells as well.
func take(ctx context.Context, l Lab, limit int64) (mib int, killed bool, err error) {
	const sigkill = 128 + 9
	res, err := l.Run(ctx, Box{Attack: []string{"memory", fmt.Sprint(memoryWanted)}, Memory: limit})
	if err != nil {
		return 0, false, err
	}
	if res.Refused == "" && (res.OOMKilled || res.Exit == sigkill && len(res.Report) == 0) {
		return 0, true, nil
	}
	var said struct {
		Taken int `json:"taken"`
	}
	err = read(res, &said)
	return said.Taken, false, err
}
