package host

import (
	"cmp"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// processes is what one pass over /proc tells.
type processes struct {
	listeners []resource.Listener
	err       error // why listeners are not known
	// sshd are the ids of containers in which an SSH server runs.
	sshd []string
	// agents are the processes of the host that check asks about, by comm; of
	// several the oldest.
	agents map[string]agent
}

// An agent is a process that check asks about.
type agent struct {
	pid   int
	argv  []string
	stale bool // its program file was replaced since it started
}

// Names of processes that are looked for, as comm has them.
var (
	sshServers = []string{"sshd", "dropbear"}
	agentNames = []string{"dockerd", "containerd", "kubelet", "etcd"}
)

// scan passes over /proc once. A process that ends meanwhile is none.
func scan() processes {
	out := processes{agents: map[string]agent{}}
	sockets, err := listening()
	if err != nil {
		out.err = err
	}
	owned := newOwners(sockets)
	for _, pid := range pids("/proc") {
		dir := "/proc/" + strconv.Itoa(pid)
		comm, err := os.ReadFile(dir + "/comm")
		if err != nil {
			continue
		}
		out.notice(dir, pid, strings.TrimSuffix(string(comm), "\n"))
		owned.look(dir, pid)
	}
	out.listeners = owned.named()
	slices.Sort(out.sshd)
	out.sshd = slices.Compact(out.sshd)
	return out
}

// pids are the numbers in /proc, in their order.
func pids(proc string) []int {
	d, err := os.Open(proc)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil
	}
	var out []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			out = append(out, pid)
		}
	}
	slices.Sort(out)
	return out
}

// notice looks closer at processes by their name. Where one runs is told by its
// cgroup, for a container with the host's processes sees all of them. etcd
// may run in a container; the others are the host's own.
func (p *processes) notice(dir string, pid int, comm string) {
	ssh, known := slices.Contains(sshServers, comm), slices.Contains(agentNames, comm)
	if !ssh && !known {
		return
	}
	cgroup, err := os.ReadFile(dir + "/cgroup")
	if err != nil {
		return
	}
	id := containerOf(string(cgroup))
	if ssh && id != "" {
		p.sshd = append(p.sshd, id)
	}
	if _, seen := p.agents[comm]; known && !seen && (id == "" || comm == "etcd") {
		exe, err := os.Readlink(dir + "/exe")
		p.agents[comm] = agent{pid, argvOf(dir), err == nil && strings.HasSuffix(exe, " (deleted)")}
	}
}

// inCgroup finds a container's id in a line of /proc/PID/cgroup: with the
// drivers cgroupfs, /docker/ID, and systemd, docker-ID.scope; also below what an
// orchestrator puts it in, and above what the container makes itself.
var inCgroup = regexp.MustCompile(`[/-]([0-9a-f]{64})(?:\.scope)?(?:/|$)`)

// containerOf is the id of the outermost container of a process, "" for one of
// the host (cgroups(7)).
func containerOf(cgroup string) string {
	for line := range strings.Lines(cgroup) {
		if m := inCgroup.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			return m[1]
		}
	}
	return ""
}

// maxArgv bounds the bytes of a command line: anybody may start a process with
// one of megabytes.
const maxArgv = 16 << 10

// argvOf is nil for a process that is gone, or has none (kernel threads).
func argvOf(dir string) []string {
	f, err := os.Open(dir + "/cmdline")
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxArgv))
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// owners finds who holds sockets open.
type owners struct {
	sockets []socket
	byInode map[string][]int // indices of sockets
	netns   string
}

func newOwners(sockets []socket) *owners {
	o := &owners{sockets: sockets, byInode: map[string][]int{}}
	for i, s := range sockets {
		o.byInode[s.inode] = append(o.byInode[s.inode], i)
	}
	o.netns, _ = os.Readlink("/proc/self/ns/net")
	return o
}

// look goes through the descriptors of a process, which only its user and root
// may. Processes of other network namespaces, most of all those in containers,
// hold none of these sockets.
func (o *owners) look(dir string, pid int) {
	if ns, err := os.Readlink(dir + "/ns/net"); err != nil || ns != o.netns {
		return
	}
	d, err := os.Open(dir + "/fd")
	if err != nil {
		return
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return
	}
	for _, name := range names {
		to, err := os.Readlink(dir + "/fd/" + name)
		if inode, ok := strings.CutPrefix(to, "socket:["); err == nil && ok {
			o.own(strings.TrimSuffix(inode, "]"), pid)
		}
	}
}

// own gives a socket to the process that was found first. The init process
// holds those too that it opened for others (systemd.socket(5)): whoever else
// has one, serves it.
func (o *owners) own(inode string, pid int) {
	for _, i := range o.byInode[inode] {
		if s := &o.sockets[i]; s.PID <= 1 {
			s.PID = pid
		}
	}
}

// named are the listeners, sorted, with their owners' names.
func (o *owners) named() []resource.Listener {
	out := []resource.Listener{}
	for _, s := range o.sockets {
		l := s.Listener
		if l.PID != 0 {
			dir := "/proc/" + strconv.Itoa(l.PID)
			comm, _ := os.ReadFile(dir + "/comm")
			l.Process, l.Argv = strings.TrimSuffix(string(comm), "\n"), argvOf(dir)
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b resource.Listener) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Address, b.Address), a.PID-b.PID)
	})
	return out
}
