package control

import (
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

func judgeAppArmor(t *tally) {
	t.module("apparmor", func(_ *tally, c *resource.Container) *flaw {
		profile := c.Spec.AppArmor
		if o, ok := last(options(c, "apparmor")); ok && profile == "" {
			profile = o
		}
		if profile == "unconfined" || c.Privileged || running(c) && profile == "" {
			return &flaw{"runs without an AppArmor profile", "docker-default, or a stricter one", ""}
		}
		return nil
	})
}

func judgeSELinux(t *tally) {
	t.module("selinux", func(t *tally, c *resource.Container) *flaw {
		e, known := t.s.Engine.Get()
		switch {
		case slices.Contains(c.SecurityOpt, "disable"), slices.ContainsFunc(options(c, "label"), unlabelled), c.Privileged, running(c) && c.Spec.ProcessLabel == "":
			return &flaw{"runs without an SELinux label", "a label of its own", ""}
		case slices.ContainsFunc(strings.Split(c.Spec.ProcessLabel, ":"), freeType):
			return &flaw{"its SELinux type is free of all rules", "a label of its own", ""}
		case !running(c) && known && !hasOption(e, "selinux"):
			return &flaw{"the daemon runs without SELinux", "a label of its own", ""}
		}
		return nil
	})
}

// unlabelled reports a label option that takes the container out of SELinux.
func unlabelled(o string) bool {
	kind, found := strings.CutPrefix(o, "type:")
	return o == "disable" || found && freeType(kind)
}

// freeType reports the types to which policies forbid nothing.
func freeType(t string) bool { return t == "spc_t" || t == "unconfined_t" }

// module judges containers where the kernel has a security module.
func (t *tally) module(name string, look func(*tally, *resource.Container) *flaw) {
	h, ok := t.s.Host.Get()
	switch {
	case !ok || len(h.LSM) == 0:
		t.unknown(resource.HostObject, "security modules", "the kernel's list could not be read")
	case !slices.Contains(h.LSM, name):
		t.nothing("the kernel runs without it: " + strings.Join(h.LSM, ", "))
	default:
		each(look)(t)
	}
}
