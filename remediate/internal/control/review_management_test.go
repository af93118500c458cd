package control_test

import (
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func listens(address string, port int, process string, argv ...string) func(*resource.Snapshot) {
	return heldByNobody(resource.Listener{Proto: "tcp", Address: address, Port: port, PID: 9, Process: process, Argv: argv})
}

func publishes(image, inside, ip string, n int) func(*resource.Snapshot) {
	return with("c", func(c *resource.Container) {
		c.Image, c.Spec.Ports = image, []resource.Port{{Container: inside, HostIP: ip, HostPort: n}}
	})
}

func allowing(p plans.ManagementPort) *plans.Policy {
	return &plans.Policy{Management: &plans.Management{Allow: []plans.ManagementPort{p}}}
}

func TestManagement(t *testing.T) {
	kubelet := func(a resource.Agent) []func(*resource.Snapshot) {
		return []func(*resource.Snapshot){func(s *resource.Snapshot) { s.Survey.Value.Kubelet = resource.Known(a) }}
	}
	etcd := func(a resource.Agent) []func(*resource.Snapshot) {
		return []func(*resource.Snapshot){func(s *resource.Snapshot) { s.Survey.Value.Etcd = resource.Known(a) }}
	}
	one := func(f func(*resource.Snapshot)) []func(*resource.Snapshot) { return []func(*resource.Snapshot){f} }
	firewalld := func(names ...string) func(*resource.Snapshot) {
		return func(s *resource.Snapshot) { s.Firewall = resource.Known(resource.Firewall{Managers: names}) }
	}
	good := map[string]string{"authentication.anonymous.enabled": "false", "authorization.mode": "Webhook", "readOnlyPort": "0"}
	locked := []string{"--client-cert-auth=true", "--trusted-ca-file=/ca"}
	for _, c := range []rebuiltCase{
		{name: "API", edit: one(listens("0.0.0.0", 2375, "x")), control: "management-interfaces", want: resource.Fails, says: "0.0.0.0:2375/tcp"},
		{name: "API inside", edit: one(listens("127.0.0.1", 2375, "x")), control: "management-interfaces", want: resource.Holds},
		{name: "API inside, IPv6", edit: one(listens("::1", 2375, "x")), control: "management-interfaces", want: resource.Holds},
		{name: "on UDP", edit: one(heldByNobody(resource.Listener{Proto: "udp", Address: "0.0.0.0", Port: 2375, PID: 9})), control: "management-interfaces", want: resource.Holds},
		{name: "API of nobody known", edit: one(heldByNobody(resource.Listener{Proto: "tcp", Address: "0.0.0.0", Port: 2375})), control: "management-interfaces", want: resource.Fails, says: "unknown process"},
		{name: "a web server on 8080", edit: one(listens("0.0.0.0", 8080, "nginx")), control: "management-interfaces", want: resource.Holds},
		{name: "cAdvisor on 8080", edit: one(listens("0.0.0.0", 8080, "cadvisor")), control: "management-interfaces", want: resource.Fails},
		{name: "by its command line", edit: one(listens("0.0.0.0", 5000, "x", "/bin/Registry", "serve")), control: "management-interfaces", want: resource.Fails},
		{name: "allowed", edit: one(listens("10.1.2.3", 10250, "kubelet")), policy: allowing(plans.ManagementPort{Port: "10250/tcp", Address: "10.0.0.0/8", Process: "kubelet"}), control: "management-interfaces", want: resource.Holds},
		{name: "allowed on another network", edit: one(listens("0.0.0.0", 10250, "kubelet")), policy: allowing(plans.ManagementPort{Port: "10250/tcp", Address: "10.0.0.0/8"}), control: "management-interfaces", want: resource.Fails},
		{name: "allowed on all", edit: one(listens("0.0.0.0", 10250, "kubelet")), policy: allowing(plans.ManagementPort{Port: "10250/tcp", Address: "0.0.0.0/0"}), control: "management-interfaces", want: resource.Holds},
		{name: "allowed for another", edit: one(listens("10.1.2.3", 10250, "x")), policy: allowing(plans.ManagementPort{Port: "10250/tcp", Process: "kubelet"}), control: "management-interfaces", want: resource.Fails},
		{name: "another port allowed", edit: one(listens("10.1.2.3", 10250, "x")), policy: allowing(plans.ManagementPort{Port: "1025/tcp"}), control: "management-interfaces", want: resource.Fails},
		{name: "published", edit: one(publishes("portainer/portainer-ce", "9000/tcp", "", 80)), control: "management-interfaces", want: resource.Fails, says: "0.0.0.0:80"},
		{name: "published inside", edit: one(publishes("portainer/portainer-ce", "9000/tcp", "127.0.0.1", 80)), control: "management-interfaces", want: resource.Holds},
		{name: "published by another image", edit: one(publishes("php", "9000/tcp", "", 80)), control: "management-interfaces", want: resource.Holds},
		{name: "published and allowed", edit: one(publishes("x", "2375/tcp", "10.0.0.1", 80)), policy: allowing(plans.ManagementPort{Port: "80/tcp", Address: "10.0.0.1"}), control: "management-interfaces", want: resource.Holds},
		{name: "published, allowed elsewhere", edit: one(publishes("x", "2375/tcp", "", 80)), policy: allowing(plans.ManagementPort{Port: "80/tcp", Address: "10.0.0.1"}), control: "management-interfaces", want: resource.Fails},
		{name: "published UDP", edit: one(publishes("x", "2375/udp", "", 80)), control: "management-interfaces", want: resource.Holds},

		{name: "no kubelet", control: "kubelet-access", want: resource.NoObject},
		{name: "kubelet", edit: kubelet(resource.Agent{Running: true, File: "/f", Settings: good}), control: "kubelet-access", want: resource.Holds},
		{name: "kubelet's file says little", edit: kubelet(resource.Agent{Running: true, File: "/f", Argv: []string{"kubelet", "--config=/f"}}), control: "kubelet-access", want: resource.Holds},
		{name: "kubelet with nothing", edit: kubelet(resource.Agent{Running: true, Argv: []string{"kubelet"}}), control: "kubelet-access", want: resource.Fails, says: "anonymous calls are allowed; authorization mode AlwaysAllow; the read-only port is open"},
		{name: "kubelet's flags", edit: kubelet(resource.Agent{Running: true, Argv: []string{"kubelet", "--anonymous-auth=false", "--authorization-mode=Webhook", "--read-only-port=0"}}), control: "kubelet-access", want: resource.Holds},
		{name: "the last of two flags", edit: kubelet(resource.Agent{Running: true, Argv: []string{"kubelet", "--anonymous-auth=false", "--authorization-mode=Webhook", "--read-only-port=0", "--anonymous-auth=True"}}), control: "kubelet-access", want: resource.Fails, says: "anonymous"},
		{name: "a file that the kubelet does not take", edit: kubelet(resource.Agent{Running: true, File: "/f", Settings: good, Argv: []string{"kubelet"}}), control: "kubelet-access", want: resource.Fails},
		{name: "kubelet's mode", edit: kubelet(resource.Agent{File: "/f", Settings: map[string]string{"authorization.mode": "AlwaysAllow"}}), control: "kubelet-access", want: resource.Fails, says: "AlwaysAllow"},
		{name: "kubelet's port", edit: kubelet(resource.Agent{File: "/f", Settings: map[string]string{"readOnlyPort": "10255"}}), control: "kubelet-access", want: resource.Fails, says: "read-only"},
		{name: "kubelet unread", edit: one(func(s *resource.Snapshot) { s.Survey.Value.Kubelet = resource.Unknown[resource.Agent]("denied") }), control: "kubelet-access", want: resource.Unjudged},

		{name: "no etcd", control: "etcd-access", want: resource.NoObject},
		{name: "etcd", edit: etcd(resource.Agent{Running: true, Argv: locked}), control: "etcd-access", want: resource.Holds},
		{name: "etcd with one dash", edit: etcd(resource.Agent{Running: true, Argv: []string{"-client-cert-auth", "-trusted-ca-file", "/ca"}}), control: "etcd-access", want: resource.Holds},
		{name: "etcd open", edit: etcd(resource.Agent{Running: true, Argv: []string{"etcd"}}), control: "etcd-access", want: resource.Fails, says: "no certificate; no CA"},
		{name: "etcd closed and opened", edit: etcd(resource.Agent{Running: true, Argv: append([]string{"--client-cert-auth=false"}, locked[1:]...)}), control: "etcd-access", want: resource.Fails},
		{name: "etcd by its file", edit: etcd(resource.Agent{Running: true, File: "/f", Argv: locked, Settings: map[string]string{"client-cert-auth": "false"}}), control: "etcd-access", want: resource.Fails},
		{name: "etcd without TLS", edit: etcd(resource.Agent{Running: true, Argv: append([]string{"--listen-client-urls=https://10.0.0.1:2379,http://0.0.0.0:2379"}, locked...)}), control: "etcd-access", want: resource.Fails, says: "without TLS"},
		{name: "etcd without TLS inside", edit: etcd(resource.Agent{Running: true, Argv: append([]string{"--listen-client-urls=https://10.0.0.1:2379,http://127.0.0.1:2379,http://localhost:1"}, locked...)}), control: "etcd-access", want: resource.Holds},

		{name: "past ufw", edit: []func(*resource.Snapshot){firewalld("nftables", "ufw"), with("c", port("0.0.0.0", 8080))}, control: "firewall-bypass", want: resource.Fails, says: "past ufw"},
		{name: "not past ufw", edit: []func(*resource.Snapshot){firewalld("ufw"), with("c", port("10.0.0.1", 8080))}, control: "firewall-bypass", want: resource.Holds},
		{name: "no ufw", edit: []func(*resource.Snapshot){firewalld("nftables"), with("c", port("0.0.0.0", 8080))}, control: "firewall-bypass", want: resource.NoObject},
		{name: "firewall unread", edit: one(func(s *resource.Snapshot) { s.Firewall = resource.Unknown[resource.Firewall]("denied") }), control: "firewall-bypass", want: resource.Unjudged},
		{name: "egress", edit: one(firewalld()), control: "egress-denied", want: resource.Fails},
		{name: "no egress", edit: one(func(s *resource.Snapshot) {
			s.Firewall = resource.Known(resource.Firewall{Own: []resource.Ruleset{{}}})
		}), control: "egress-denied", want: resource.Holds},

		{name: "wildcards by another name", edit: one(with("c", port("::ffff:0.0.0.0", 8080))), control: "bind-address", want: resource.Fails},
		{name: "all noughts", edit: one(with("c", port("0:0:0:0:0:0:0:0", 8080))), control: "bind-address", want: resource.Fails},
		{name: "an address", edit: one(with("c", port("192.0.2.1", 8080))), control: "bind-address", want: resource.Holds},
		{name: "published", edit: one(with("c", port("192.0.2.1", 8080))), control: "published-ports", want: resource.ByHand},
		{name: "nothing published", edit: one(with("c", none)), control: "published-ports", want: resource.NoObject},
	} {
		t.Run(c.name, c.run)
	}
}
