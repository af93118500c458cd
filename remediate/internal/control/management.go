package control

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// An iface is a well-known interface that manages a host, a cluster or what runs
// there.
type iface struct {
	port int
	what string
	// process narrows a number that others use too: part of the owner's name or
	// command line. Where the owner is not known, nothing is.
	process []string
}

func interfaces() []iface {
	return []iface{
		{2375, "Docker API without TLS", nil},
		{2376, "Docker API", nil},
		{2377, "swarm management", nil},
		{2379, "etcd clients", nil},
		{2380, "etcd peers", nil},
		{4194, "cAdvisor", nil},
		{5000, "registry", []string{"registry"}},
		{6443, "Kubernetes API", nil},
		{8080, "Kubernetes API without TLS, cAdvisor", []string{"kube-apiserver", "apiserver", "cadvisor"}},
		{8001, "kubectl proxy, dashboard", []string{"kubectl", "dashboard"}},
		{9000, "Portainer", []string{"portainer"}},
		{9443, "Portainer", []string{"portainer"}},
		{9001, "Portainer agent", []string{"agent", "portainer"}},
		{9090, "Prometheus, Cockpit", []string{"prometheus", "cockpit", "systemd"}},
		{9100, "node exporter", []string{"node_exporter", "node-exporter"}},
		{9323, "metrics of dockerd", []string{"dockerd"}},
		{10250, "kubelet", nil},
		{10255, "kubelet, read-only and without authentication", nil},
		{10256, "kube-proxy", nil},
		{2345, "Delve debugger", []string{"dlv"}},
		{5005, "Java debugger", []string{"java"}},
		{6060, "Go profiler", []string{"pprof"}},
		{9229, "Node.js inspector", []string{"node"}},
	}
}

// managementControls are about who can reach what commands the host.
func managementControls() []Control {
	return []Control{
		{
			ID: "management-interfaces", Title: "Nothing that manages the host is reachable from other hosts", Severity: resource.Critical, Level: 1, OWASP: []string{"D03", "D04"},
			Why:    "APIs of Docker, etcd, kubelet and dashboards are made for the inside; from outside they are the shortest way to root.",
			How:    "Listening sockets of the host with their owner, and published ports of containers: well-known numbers and programs, on any address but loopback. management.allow of the policy names those that are meant.",
			Remedy: "bind it to loopback or a management network; name what is meant in management.allow of the policy", judge: judgeInterfaces,
		},
		{
			ID: "kubelet-access", Title: "The kubelet asks who calls", Severity: resource.Critical, Level: 1, OWASP: []string{"D04"},
			Why: "An anonymous call of the kubelet runs commands in every pod.",
			How: "anonymous, authorization mode and read-only port of the kubelet, where there is one.", Remedy: "authentication.anonymous.enabled: false, authorization.mode: Webhook, readOnlyPort: 0 in the kubelet's configuration", judge: judgeKubelet,
		},
		{
			ID: "etcd-access", Title: "etcd asks its clients for a certificate", Severity: resource.Critical, Level: 1, OWASP: []string{"D04"},
			Why: "etcd holds every secret of a cluster; who writes to it commands the cluster.",
			How: "client-cert-auth and trusted-ca-file of etcd, where there is one.", Remedy: "--client-cert-auth=true --trusted-ca-file=CA", judge: judgeEtcd,
		},
		{
			ID: "firewall-bypass", Title: "Published ports do not bypass the host's firewall", Severity: resource.Medium, Level: 1, OWASP: []string{"D03"}, Key: "daemon.ip",
			Why: "Docker's rules come before those of ufw, and firewalld lets them pass: a port that the firewall is said to close is open.",
			How: "Ports published on the wildcard address on a host where ufw or firewalld runs.", Remedy: "publish on an address: -p 127.0.0.1:8080:80", judge: judgeBypass,
		},
	}
}

func judgeInterfaces(t *tally) {
	listeners, why := t.listeners()
	if why != "" {
		t.unknown(resource.HostObject, "sockets", why)
	}
	for _, l := range listeners {
		t.listener(l)
	}
	containers, _ := t.containersOr()
	for i := range containers {
		t.publishedInterfaces(&containers[i])
	}
	if len(t.findings) == 0 && t.judged == 0 {
		t.holds(max(1, len(listeners)))
	}
}

func (t *tally) listener(l resource.Listener) {
	i, known := wellKnown(l)
	switch {
	case !known || loopback(l.Address) || l.Process == "docker-proxy": // published: judged by its container
	case t.allowed(strconv.Itoa(l.Port)+"/"+strings.TrimSuffix(l.Proto, "6"), l.Address, l.Process):
		t.holds(1)
	case l.PID == 0 && len(i.process) > 0:
		t.unknown(resource.SocketObject, address(l), "whether this is "+i.what+" only root can see, who sees whose it is")
	default:
		t.fail(resource.Finding{
			Kind: resource.SocketObject, Object: address(l), Expected: "loopback, or management.allow",
			Observed: fmt.Sprintf("%s, held by %s", i.what, owner(l)),
		})
	}
}

func owner(l resource.Listener) string {
	if l.PID == 0 {
		return "an unknown process"
	}
	return fmt.Sprintf("%s (pid %d)", l.Process, l.PID)
}

func wellKnown(l resource.Listener) (iface, bool) {
	if !strings.HasPrefix(l.Proto, "tcp") {
		return iface{}, false
	}
	named := strings.ToLower(l.Process + " " + strings.Join(l.Argv, " "))
	for _, i := range interfaces() {
		if i.port == l.Port && (len(i.process) == 0 || l.PID == 0 || containsAny(named, i.process)) {
			return i, true
		}
	}
	return iface{}, false
}

func containsAny(text string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// publishedInterfaces judges by the port inside and the image: outside it may
// have any number.
func (t *tally) publishedInterfaces(c *resource.Container) {
	named := strings.ToLower(c.Image + " " + strings.Join(c.Spec.Command, " "))
	for _, p := range c.Spec.Ports {
		inside, proto, _ := strings.Cut(p.Container, "/")
		n, err := strconv.Atoi(inside)
		if err != nil || proto == "udp" || loopback(p.HostIP) {
			continue
		}
		for _, i := range interfaces() {
			if i.port != n || len(i.process) > 0 && !containsAny(named, i.process) {
				continue
			}
			if t.allowed(strconv.Itoa(p.HostPort)+"/"+proto, p.HostIP, c.Name) {
				t.holds(1)
				break
			}
			t.fail(resource.Finding{Kind: resource.ContainerObject, Object: c.Name, Observed: i.what + ", published as " + portText(p), Expected: "loopback, or management.allow"})
			break
		}
	}
}

// allowed asks the policy.
func (t *tally) allowed(port, address, process string) bool {
	if t.p.Management == nil {
		return false
	}
	return slices.ContainsFunc(t.p.Management.Allow, func(a plans.ManagementPort) bool {
		return a.Port == port && (a.Address == "" || within(address, a.Address)) && (a.Process == "" || a.Process == process)
	})
}

// within reports whether an address is another one, or lies in a network. The
// wildcard lies in no network but all of them.
func within(address, want string) bool {
	at, err := netip.ParseAddr(strings.Trim(address, "[]"))
	if err != nil {
		return false
	}
	if network, err := netip.ParsePrefix(want); err == nil {
		return network.Contains(at.Unmap()) && (!at.IsUnspecified() || network.Bits() == 0)
	}
	other, err := netip.ParseAddr(want)
	return err == nil && at.Unmap() == other.Unmap()
}

func judgeBypass(t *tally) {
	fw, ok := t.s.Firewall.Get()
	if !ok {
		t.unknown(resource.HostObject, "firewall", t.s.Firewall.Unknown)
		return
	}
	var managers []string
	for _, m := range fw.Managers {
		if m == "ufw" || m == "firewalld" {
			managers = append(managers, m)
		}
	}
	if len(managers) == 0 {
		t.nothing("neither ufw nor firewalld runs here")
		return
	}
	each(func(_ *tally, c *resource.Container) *flaw {
		f := lookWildcard(t, c)
		if f == nil {
			return nil
		}
		return &flaw{f.observed + ", past " + join(managers), "an address", ""}
	})(t)
}
