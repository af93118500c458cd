package audit

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// escapeCalls are the system calls by which a process reaches beyond its
// container. Those from 424 on are given by number, which is the same for all
// machines: an auditctl that is older than their name would refuse the line,
// and load none of the lines that follow.
var escapeCalls = []string{
	"mount", "umount2", "setns", "unshare",
	"428", "429", "432", "442", "467", // see escapeNames
	"ptrace", "process_vm_writev", "bpf", "open_by_handle_at",
	"init_module", "finit_module", "delete_module",
}

const escapeNames = "428 is open_tree, 429 move_mount, 432 fsmount, 442 mount_setattr, 467 open_tree_attr"

// more are calls that only one word size has, or that auditctl has no one
// name for: to i386 kexec_load is 283, and "kexec_load" or "sys_kexec_load" to
// different releases.
func more(arch string) []string {
	switch {
	case arch == "b64":
		return []string{"kexec_load", "kexec_file_load"}
	case runtime.GOARCH == "amd64":
		return []string{"umount", "283"}
	}
	return nil
}

// calls drops from a list what an architecture's tables lack: 32 bits of arm
// have no socketcall.
func calls(arch, list string) string {
	if arch == "b32" && runtime.GOARCH != "amd64" {
		return strings.ReplaceAll(list, ",socketcall", "")
	}
	return list
}

// Flags of mounts that show nothing new (linux/mount.h): MS_BIND with and
// without MS_REC, the same made read-only (MS_REMOUNT, MS_RDONLY, MS_NOSUID,
// MS_NODEV, MS_NOEXEC), MS_PRIVATE and MS_SLAVE. runc makes 25 of them for each
// container, and newer releases (1.1.15; not yet 1.1.5) do so from a copy of
// themselves in memory or on an overlay, which no rule can name.
// Each is told by all its bits: one more, as for a remount that lets write, and
// it is recorded.
var quietMounts = []string{"0x1000", "0x5000", "0x102f", "0x40000", "0x44000", "0x84000"}

// helpers are programs besides the runtimes that mount and enter namespaces
// for the host itself, without a login.
var helpers = []string{
	"/usr/lib/systemd/systemd", "/usr/lib/systemd/systemd-executor", "/usr/lib/systemd/systemd-udevd",
	"/usr/lib/systemd/systemd-logind", "/usr/lib/systemd/systemd-networkd", "/usr/lib/snapd/snapd",
}

// escapes are the rules of container-escape: calls that programs without a
// login make, for a container has none. First come the programs that make them
// in order to run containers and the host itself: the first rule that matches
// decides. They are told by their file, which is not among those of a
// container, and only for calls of 64 bits, for they make no others.
func (f finder) escapes(t site) []draft {
	var out []draft
	for _, exe := range f.runtimes(t) {
		out = append(out, draft{containerEscape, "not the programs that run containers and the host", escapeRule("never", "b64", "-F exe="+exe+" ")})
	}
	for _, flags := range quietMounts {
		out = append(out, draft{containerEscape, "not mounts that show nothing new", fmt.Sprintf("-a never,exit -F arch=b64 -S mount -F a3=%s -F auid=unset %s", flags, key(containerEscape))})
	}
	for _, arch := range []string{"b64", "b32"} {
		out = append(out, draft{containerEscape, "out of containers; " + escapeNames, escapeRule("always", arch, "")})
	}
	return out
}

func escapeRule(action, arch, exe string) string {
	list := strings.Join(slices.Concat(escapeCalls, more(arch)), ",")
	return fmt.Sprintf("-a %s,exit -F arch=%s -S %s %s-F auid=unset %s", action, arch, list, exe, key(containerEscape))
}

// runtimes are the files of the programs that run containers and the host.
func (f finder) runtimes(t site) []string {
	var out []string
	for _, p := range programs {
		if p.runtime {
			out = append(out, f.programs(t, p.name)...)
		}
	}
	for _, p := range helpers {
		if found, ok := f.at(p); ok && found.Real != "" && found.Type == resource.Regular {
			out = append(out, found.Real)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
