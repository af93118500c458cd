package host

import (
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

func specOf(in container.InspectResponse) resource.Spec {
	out := resource.Spec{
		ImageID: in.Image, Command: commandOf(in), Mounts: mountsOf(in), Ports: portsOf(in),
		Health: health(in), AppArmor: in.AppArmorProfile, ProcessLabel: in.ProcessLabel, CreatedNS: started(in.Created),
	}
	if in.Config != nil {
		out.Env = in.Config.Env
	}
	if h := in.HostConfig; h != nil {
		fillRights(&out, h)
		fillLimits(&out, h)
	}
	return out
}

// commandOf is what the container runs: entrypoint and command are already
// joined in Path and Args.
func commandOf(in container.InspectResponse) []string {
	if in.Path == "" {
		return nil
	}
	return append([]string{in.Path}, in.Args...)
}

// fillRights is what lets a container reach more than its own.
func fillRights(out *resource.Spec, h *container.HostConfig) {
	out.CapAdd, out.CapDrop, out.GroupAdd = h.CapAdd, h.CapDrop, h.GroupAdd
	out.ReadonlyRoot, out.Tmpfs = h.ReadonlyRootfs, h.Tmpfs
	out.UTSMode, out.CgroupnsMode = string(h.UTSMode), string(h.CgroupnsMode)
	out.CgroupParent, out.Runtime = h.CgroupParent, h.Runtime
	out.LogOpts, out.RestartMax = h.LogConfig.Config, h.RestartPolicy.MaximumRetryCount
	for _, d := range h.Devices {
		out.Devices = append(out.Devices, d.PathOnHost+":"+d.PathInContainer+":"+d.CgroupPermissions)
	}
	out.DeviceRules, out.Unmasked = h.DeviceCgroupRules, unmasked(h)
}

// unmasked reports whether /proc and /sys are open as systempaths=unconfined
// makes them: the CLI turns that into two lists that are empty, and null stands
// for the default (docker/cli opts.go, parseSystemPaths). Privileged containers
// have no masks whatever the lists say (moby daemon/oci_linux.go, WithMounts).
func unmasked(h *container.HostConfig) bool {
	none := func(paths []string) bool { return paths != nil && len(paths) == 0 }
	return h.Privileged || none(h.MaskedPaths) || none(h.ReadonlyPaths)
}

func fillLimits(out *resource.Spec, h *container.HostConfig) {
	out.Memory, out.MemorySwap = h.Memory, h.MemorySwap
	out.NanoCPUs, out.CPUShares = h.NanoCPUs, h.CPUShares
	out.CPUQuota, out.CPUPeriod = h.CPUQuota, h.CPUPeriod
	if h.PidsLimit != nil {
		out.Pids = *h.PidsLimit
	}
	out.NoOOMKill = h.OomKillDisable != nil && *h.OomKillDisable
	for _, u := range h.Ulimits {
		if u != nil {
			out.Ulimits = append(out.Ulimits, u.String())
		}
	}
}

// mountsOf are sorted: dockerd lists a map, in another order each time.
func mountsOf(in container.InspectResponse) []resource.Mount {
	var out []resource.Mount
	for _, m := range in.Mounts {
		out = append(out, resource.Mount{
			Type: string(m.Type), Name: m.Name, Source: m.Source, Target: m.Destination,
			RW: m.RW, Propagation: string(m.Propagation),
		})
	}
	slices.SortFunc(out, func(a, b resource.Mount) int {
		return strings.Compare(a.Target+"\x00"+a.Source, b.Target+"\x00"+b.Source)
	})
	return out
}

// health is the state of the check. A container that was never started has none
// yet though it has a check; that counts as starting.
func health(in container.InspectResponse) string {
	if in.State != nil && in.State.Health != nil {
		if s := in.State.Health.Status; s != "" && s != container.NoHealthcheck {
			return string(s)
		}
	}
	if in.Config != nil && checks(in.Config.Healthcheck) {
		return string(container.Starting)
	}
	return ""
}

// checks reports whether a check is made: {"NONE"} turns off that of the image.
func checks(h *container.HealthConfig) bool {
	return h != nil && len(h.Test) > 0 && h.Test[0] != "NONE"
}
