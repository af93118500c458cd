package subid

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Impacts tells what will break on a daemon that is about to get userns-remap
// and does not have it yet; size is the number of mapped ids, 0 for MinSize.
// It is nil if user namespaces are already on. What becomes of each kind of
// container was measured on dockerd 29.7.
func Impacts(s *resource.Snapshot, size uint32) []resource.Impact {
	e, known := s.Engine.Get()
	if known && effective(e) {
		return nil
	}
	var out []resource.Impact
	if !known {
		out = append(out, warning("cannot tell which images, volumes and networks go out of sight: "+s.Engine.Unknown, nil))
	} else {
		out = append(out, engineImpacts(e)...)
	}
	c, known := s.Containers.Get()
	if !known {
		return append(out, warning("cannot tell which containers stop or break: "+s.Containers.Unknown, nil))
	}
	return append(out, containerImpacts(c, Want{Size: size}.size())...)
}

func warning(text string, subjects []string) resource.Impact {
	return resource.Impact{Level: "warning", Text: text, Subjects: subjects}
}

func engineImpacts(e resource.Engine) []resource.Impact {
	out := []resource.Impact{
		warning(fmt.Sprintf("out of sight until userns-remap is off again: %s, %s, the networks made here (%d with the built-in ones), "+
			"plugins and build cache", count(e.Images, "image"), count(e.Volumes, "volume"), e.Networks), nil),
		{Level: "note", Text: fmt.Sprintf("disk: what is in %s stays there, and images that are pulled again take their space a second time", e.RootDir)},
	}
	if slices.Contains(e.DriverStatus, [2]string{"driver-type", "io.containerd.snapshotter.v1"}) {
		out = append(out, warning("the containerd image store is switched off: under userns-remap dockerd stores images with overlay2", nil))
	}
	if e.Swarm != "" && e.Swarm != "inactive" {
		out = append(out, warning(fmt.Sprintf("the host is no longer a member of its swarm (now %s): drain the node first, and have another manager if it is one", e.Swarm), nil))
	}
	return out
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// A ground is a reason why containers break.
type ground struct {
	text string
	// hit returns what to name of a container that breaks, or nil.
	hit func(resource.Container) []string
}

func containerImpacts(all []resource.Container, size uint32) []resource.Impact {
	var out []resource.Impact
	for _, g := range slices.Concat(stops(), breaks(size)) {
		var names []string
		for _, c := range all {
			names = append(names, g.hit(c)...)
		}
		if len(names) > 0 {
			slices.Sort(names)
			out = append(out, warning(g.text, slices.Compact(names)))
		}
	}
	return out
}

// stops are about containers as they are now.
func stops() []ground {
	return []ground{
		{"containers go out of sight and have to be made anew", always},
		{"running containers are stopped and do not come back by themselves", when(running)},
	}
}

// breaks are about containers when they are made anew with the same settings.
func breaks(size uint32) []ground {
	return []ground{
		{"cannot start: privileged needs --userns=host", mapped(func(c resource.Container) bool { return c.Privileged })},
		{"cannot start: the host's pid namespace needs --userns=host", mapped(func(c resource.Container) bool { return c.PidMode == "host" })},
		{"cannot start: the host's network needs --userns=host", mapped(func(c resource.Container) bool { return c.NetworkMode == "host" })},
		{"cannot start: the host's ipc namespace needs --userns=host", mapped(func(c resource.Container) bool { return c.IpcMode == "host" })},
		{"lose access to the Docker socket, which belongs to nobody in the container: --userns=host keeps it", mapped(hasSocket)},
		{"get permission denied on host paths that belong to host users: chown them to the mapped ids", paths},
		{fmt.Sprintf("cannot start: the user is beyond the %d mapped ids: ask for a larger range", size), mapped(func(c resource.Container) bool { return beyond(c.User, size) })},
	}
}

func always(c resource.Container) []string { return []string{c.Name} }

func when(f func(resource.Container) bool) func(resource.Container) []string {
	return func(c resource.Container) []string {
		if f(c) {
			return always(c)
		}
		return nil
	}
}

// mapped leaves out containers that opted out of the remapping.
func mapped(f func(resource.Container) bool) func(resource.Container) []string {
	return when(func(c resource.Container) bool { return c.UsernsMode != "host" && f(c) })
}

func running(c resource.Container) bool {
	return slices.Contains([]string{"running", "paused", "restarting"}, c.State)
}

func hasSocket(c resource.Container) bool { return slices.ContainsFunc(c.Binds, isSocket) }

// isSocket also finds the socket of a bind of its directory.
func isSocket(bind string) bool {
	switch strings.TrimSuffix(source(bind), "/") {
	case "/var/run/docker.sock", "/run/docker.sock", "/var/run", "/run":
		return true
	}
	return false
}

// source is the host's side of src[:dst[:options]].
func source(bind string) string {
	src, _, _ := strings.Cut(bind, ":")
	return src
}

// paths names each bind mount of a host path; a name is that of a volume.
func paths(c resource.Container) []string {
	var out []string
	for _, b := range c.Binds {
		if c.UsernsMode != "host" && strings.HasPrefix(b, "/") && !isSocket(b) {
			out = append(out, c.Name+": "+source(b))
		}
	}
	return out
}

// beyond reports whether user[:group] names an id of size or more. Names are
// resolved in the image and not known here.
func beyond(user string, size uint32) bool {
	u, g, _ := strings.Cut(user, ":")
	for _, s := range []string{u, g} {
		if n, err := id(s); err == nil && n >= size {
			return true
		}
	}
	return false
}
