package main

import "github.com/bulwark-project/bulwark/remediate/resource"

// router is busy with what decides about packets read: Engine 28 writes rules
// by iptables (nft), containers have connections open, and two of them are
// where no rule reaches.
func router() *resource.Snapshot {
	s := busy()
	s.DaemonJSON = resource.Known(file("/etc/docker/daemon.json", "{}\n"))
	s.Host.Value.BridgeNF = "1"
	s.Networks = resource.Known([]resource.Network{
		{ID: "0a", Name: "bridge", Driver: "bridge", Bridge: "docker0", Subnets: []string{"172.17.0.0/16"}},
		{ID: "0b", Name: "backend", Driver: "bridge", Bridge: "br-0b1b2b3b4b5b", Subnets: []string{"172.18.0.0/16", "fd00:18::/64"}, IPv6: true},
		{ID: "0c", Name: "shop", Driver: "bridge", Bridge: "shop0", Subnets: []string{"172.19.0.0/16"}},
		{ID: "0d", Name: "host", Driver: "host"},
		{ID: "0e", Name: "floor", Driver: "macvlan", Subnets: []string{"192.0.2.0/24"}},
	})
	place(s, "web", resource.Endpoint{Network: "bridge", IPs: []string{"172.17.0.2"}})
	place(s, "db", resource.Endpoint{Network: "backend", IPs: []string{"172.18.0.2", "fd00:18::2"}})
	place(s, "agent", resource.Endpoint{Network: "host"})
	place(s, "job", resource.Endpoint{Network: "floor", IPs: []string{"192.0.2.30"}})
	s.Containers.Value[1].Labels = map[string]string{"role": "db"}
	s.Firewall = resource.Known(firewall())
	s.Flows = resource.Known([]resource.Flow{
		{Proto: "tcp", Src: "172.17.0.2", Dst: "198.51.100.7", Port: 443, Count: 3},
		{Proto: "tcp", Src: "172.18.0.2", Dst: "203.0.113.5", Port: 5432, Count: 1},
	})
	s.Loader = resource.Known(resource.Unit{Name: "bulwark-egress.service", LoadState: "not-found", ActiveState: "inactive"})
	s.Rules = resource.Known(resource.File{Path: "/var/lib/bulwark/egress.json", Print: resource.Fingerprint{Type: resource.Absent}})
	s.Resolved = map[string]resource.Fact[[]string]{
		"mirror.example.com":  resource.Known([]string{"2001:db8::80", "203.0.113.80"}),
		"nowhere.example.com": resource.Unknown[[]string]("cannot resolve nowhere.example.com: no such host"),
	}
	return s
}

func place(s *resource.Snapshot, name string, at resource.Endpoint) {
	for i, c := range s.Containers.Value {
		if c.Name == name {
			s.Containers.Value[i].Networks, s.Containers.Value[i].NetworkMode = []resource.Endpoint{at}, at.Network
		}
	}
}

func firewall() resource.Firewall {
	f := resource.Firewall{
		Tools:   map[string]string{"iptables-nft": "1.8.11", "ip6tables-nft": "1.8.11", "nft": "1.1.3"},
		Variant: resource.VariantNFT, Bridges: []string{"docker0", "br-0b1b2b3b4b5b", "shop0", "br-lan"},
		Nameservers: []string{"192.0.2.53"}, Forwarding: map[string]bool{"ip": true, "ip6": true},
	}
	for _, family := range []string{resource.FamilyIP4, resource.FamilyIP6} {
		f.Filters = append(f.Filters, resource.Filter{
			Family: family, Variant: resource.VariantNFT, Docker: true, DockerUser: true,
			Forward: []string{"-j DOCKER-USER", "-j DOCKER-FORWARD"}, ForwardPolicy: "DROP",
		})
	}
	return f
}

// routerForNobody is what a user without rights sees of it.
func routerForNobody() *resource.Snapshot {
	s := router()
	s.Host.Value.EUID = 1000
	s.Firewall = resource.Unknown[resource.Firewall]("needs root")
	s.Flows = resource.Unknown[[]resource.Flow]("needs root")
	s.Rules = resource.Unknown[resource.File]("needs root")
	return s
}
