package probe

import (
	"context"
	"fmt"
	"time"
)

func diskProbe() Probe {
	return Probe{
		ID: "disk-flood", Title: "A container without a writable root cannot fill the disk",
		Tries: "A container with --read-only and a tmpfs of 4 MiB writes 16 MiB to each.",
		Must:  "The root takes nothing, the tmpfs no more than its size.",
		Shows: "Such containers take no more of the disk and of memory than they were given.",
		Not:   "That your containers are like that: the root of others may grow until the disk is full, where the storage driver has no quota (--storage-opt size); nor anything of volumes and bind mounts.",
		OWASP: []string{"D07", "D09"}, Wanted: always, Limit: time.Minute, Run: diskFlood,
	}
}

const (
	diskWanted  = 16 // MiB
	diskAllowed = 4
)

// A filling is how much one place took.
type filling struct {
	MiB       int    `json:"mib"`
	StoppedBy string `json:"stopped_by"`
}

func (f filling) String() string { return fmt.Sprintf("%d MiB (%s)", f.MiB, shown(f.StoppedBy)) }

func diskFlood(ctx context.Context, l Lab) Outcome {
	got, err := fillUp(ctx, l, Box{ReadOnly: true, Tmpfs: sized(diskAllowed)})
	if err != nil {
		return unable("%v", err)
	}
	holds, observed := got.bounded(), got.String()
	control, err := fillUp(ctx, l, Box{Tmpfs: sized(2 * diskWanted)})
	if err != nil {
		return controlFailed(holds, observed, err.Error())
	}
	positive := fmt.Sprintf("without --read-only and with a tmpfs of %d MiB: %s", 2*diskWanted, control)
	if control.root.MiB != diskWanted || control.tmp.MiB != diskWanted {
		return controlFailed(holds, observed, positive)
	}
	return judged(holds, observed, positive)
}

func sized(mib int) map[string]string { return map[string]string{"/tmp": fmt.Sprintf("size=%dm", mib)} }

type fillings struct{ root, tmp filling }

func (f fillings) String() string {
	return fmt.Sprintf("the root took %s, the tmpfs %s", f.root, f.tmp)
}

func (f fillings) bounded() bool {
	return f.root.MiB == 0 && f.root.StoppedBy == "EROFS" && f.tmp.MiB <= diskAllowed && f.tmp.StoppedBy == "ENOSPC"
}

func fillUp(ctx context.Context, l Lab, b Box) (fillings, error) {
	const root, tmp = "/probe", "/tmp/probe"
	b.Attack = []string{"fill", fmt.Sprint(diskWanted), root, tmp}
	var out map[string]filling
	res, err := l.Run(ctx, b)
	if err == nil {
		err = read(res, &out)
	}
	return fillings{out[root], out[tmp]}, err
}
