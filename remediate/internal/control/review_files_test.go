package control_test

import (
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Owners and modes of files, wherever they lie.
func TestFiles(t *testing.T) {
	unit := func(s *resource.Snapshot) {
		s.Unit = resource.Known(resource.Unit{FragmentPath: "/u/docker.service", DropIns: []string{"/u/d.conf"}})
		s.Socket = resource.Known(resource.Unit{FragmentPath: "/u/docker.socket"})
	}
	absent := func(paths ...string) func(*resource.Snapshot) {
		return func(s *resource.Snapshot) {
			for _, p := range paths {
				s.Survey.Value.Paths[p] = resource.Known(resource.Fingerprint{Type: resource.Absent})
			}
		}
	}
	alias := func(s *resource.Snapshot) {
		s.Accounts.Value.Group.Content = []byte("docker:x:112:\nother:x:112:mallory\n")
	}
	alice := &plans.Policy{Management: &plans.Management{Users: []string{"alice"}}}
	for _, c := range []rebuiltCase{
		{name: "unit", edit: []func(*resource.Snapshot){unit, pathMode("/u/docker.service", 0o644, 0, 0), pathMode("/u/d.conf", 0o644, 0, 0)}, control: "docker-service-mode", want: resource.Holds},
		{name: "a drop-in that others may write", edit: []func(*resource.Snapshot){unit, pathMode("/u/docker.service", 0o644, 0, 0), pathMode("/u/d.conf", 0o646, 0, 0)}, control: "docker-service-mode", want: resource.Fails, says: "/u/d.conf"},
		{name: "a unit of a user", edit: []func(*resource.Snapshot){unit, pathMode("/u/docker.service", 0o644, 1000, 0), pathMode("/u/d.conf", 0o644, 0, 0)}, control: "docker-service-owner", want: resource.Fails, says: "1000:0"},
		{name: "a unit of a group", edit: []func(*resource.Snapshot){unit, pathMode("/u/docker.service", 0o644, 0, 5), pathMode("/u/d.conf", 0o644, 0, 0)}, control: "docker-service-owner", want: resource.Fails, says: "0:5"},
		{name: "socket unit", edit: []func(*resource.Snapshot){unit, pathMode("/u/docker.socket", 0o666, 0, 0)}, control: "docker-socket-unit-mode", want: resource.Fails},
		{name: "owner of the socket unit", edit: []func(*resource.Snapshot){unit, pathMode("/u/docker.socket", 0o644, 0, 0)}, control: "docker-socket-unit-owner", want: resource.Holds},
		{name: "no unit", edit: []func(*resource.Snapshot){func(s *resource.Snapshot) { s.Unit = resource.Known(resource.Unit{LoadState: "not-found"}) }}, control: "docker-service-mode", want: resource.NoObject},
		{name: "etc/docker", control: "etc-docker-owner", want: resource.Holds},
		{name: "certificates of registries", edit: []func(*resource.Snapshot){pathMode("/etc/docker/certs.d/r/ca.crt", 0o444, 0, 0), pathMode("/etc/docker/certs.d/r/client.key", 0o444, 0, 0)}, control: "registry-certificates-mode", want: resource.Fails, says: "client.key"},
		{name: "no certificates of registries", edit: []func(*resource.Snapshot){absent("/etc/docker/certs.d")}, control: "registry-certificates-mode", want: resource.NoObject},
		{name: "certificates that nobody looked for", control: "registry-certificates-mode", want: resource.Unjudged},
		{name: "not all certificates of registries", edit: []func(*resource.Snapshot){absent("/etc/docker/certs.d"), func(s *resource.Snapshot) {
			s.Survey.Value.Paths["/etc/docker/certs.d/**"] = resource.Unknown[resource.Fingerprint]("too many")
		}}, control: "registry-certificates-owner", want: resource.Unjudged},
		{name: "ca", argv: "--tlscacert /srv/ca.pem", edit: []func(*resource.Snapshot){pathMode("/srv/ca.pem", 0o644, 0, 0)}, control: "tls-ca-mode", want: resource.Fails},
		{name: "certificate", argv: "--tlscert /srv/cert.pem", edit: []func(*resource.Snapshot){pathMode("/srv/cert.pem", 0o444, 0, 0)}, control: "tls-certificate-mode", want: resource.Holds},
		{name: "key for the group", argv: "--tlskey /srv/key.pem", edit: []func(*resource.Snapshot){pathMode("/srv/key.pem", 0o440, 0, 0)}, control: "tls-key-mode", want: resource.Fails},
		{name: "no TLS", control: "tls-key-mode", want: resource.NoObject},
		{name: "a key where dockerd looks by itself", argv: "--tlsverify", edit: []func(*resource.Snapshot){pathMode("/root/.docker/key.pem", 0o644, 0, 0)}, control: "tls-key-mode", want: resource.Fails},
		{name: "a key that is not there", argv: "--tlskey /srv/key.pem", edit: []func(*resource.Snapshot){absent("/srv/key.pem")}, control: "tls-key-mode", want: resource.NoObject},
		{name: "socket of root", edit: []func(*resource.Snapshot){pathMode("/run/docker.sock", 0o660, 0, 0)}, control: "docker-sock-owner", want: resource.Holds},
		{name: "socket of its group", edit: []func(*resource.Snapshot){pathMode("/run/docker.sock", 0o660, 0, 112)}, control: "docker-sock-owner", want: resource.Holds},
		{name: "socket of another group", edit: []func(*resource.Snapshot){pathMode("/run/docker.sock", 0o660, 0, 100)}, control: "docker-sock-owner", want: resource.Fails},
		{name: "socket of a user", edit: []func(*resource.Snapshot){pathMode("/run/docker.sock", 0o660, 1000, 112)}, control: "docker-sock-owner", want: resource.Fails},
		{name: "a group by number", argv: "--group 250", edit: []func(*resource.Snapshot){pathMode("/run/docker.sock", 0o660, 0, 250)}, control: "docker-sock-owner", want: resource.Holds},
		{name: "a socket named after containerd", argv: "-H unix:///run/containerd-proxy/docker.sock", edit: []func(*resource.Snapshot){absent("/run/docker.sock"), pathMode("/run/containerd-proxy/docker.sock", 0o666, 0, 0)}, control: "docker-sock-mode", want: resource.Fails},
		{name: "containerd", edit: []func(*resource.Snapshot){absent("/run/containerd/containerd.sock"), pathMode("/run/docker/containerd/containerd.sock", 0o666, 0, 0)}, control: "containerd-sock-mode", want: resource.Fails},
		{name: "owner of containerd", edit: []func(*resource.Snapshot){pathMode("/run/containerd/containerd.sock", 0o660, 0, 112), absent("/run/docker/containerd/containerd.sock")}, control: "containerd-sock-owner", want: resource.Fails},
		{name: "daemon.json", edit: []func(*resource.Snapshot){pathMode("/etc/docker/daemon.json", 0o664, 0, 0)}, control: "daemon-json-file-mode", want: resource.Fails},
		{name: "owner of daemon.json", edit: []func(*resource.Snapshot){pathMode("/etc/docker/daemon.json", 0o644, 0, 0)}, control: "daemon-json-file-owner", want: resource.Holds},
		{name: "default", edit: []func(*resource.Snapshot){pathMode("/etc/default/docker", 0o666, 0, 0)}, control: "default-docker-mode", want: resource.Fails},
		{name: "sysconfig", edit: []func(*resource.Snapshot){pathMode("/etc/sysconfig/docker", 0o644, 5, 0)}, control: "sysconfig-docker-owner", want: resource.Fails},
		{name: "no sysconfig", edit: []func(*resource.Snapshot){absent("/etc/sysconfig/docker")}, control: "sysconfig-docker-mode", want: resource.NoObject},
		{name: "a group of the same number", edit: []func(*resource.Snapshot){alias}, policy: alice, control: "docker-group", want: resource.Fails, says: "mallory"},
		{name: "a primary group", edit: []func(*resource.Snapshot){func(s *resource.Snapshot) {
			s.Accounts.Value.Passwd.Content = []byte("root:x:0:0:::\neve:x:1000:112:::\n")
		}}, policy: alice, control: "docker-group", want: resource.Fails, says: "eve"},
		{name: "who is meant", edit: []func(*resource.Snapshot){group("alice")}, policy: alice, control: "docker-group", want: resource.Holds},
		{name: "nobody said who is meant", edit: []func(*resource.Snapshot){group("alice")}, control: "docker-group", want: resource.ByHand},
		{name: "an empty group", control: "docker-group", want: resource.Holds},
		{name: "no group", argv: "--group nobody", control: "docker-group", want: resource.NoObject},
		{name: "a partition of its own", edit: []func(*resource.Snapshot){func(s *resource.Snapshot) {
			s.Survey.Value.DataMount = resource.Known(resource.Mountpoint{Path: "/d", Device: "1:2", RootDevice: "1:1"})
		}}, control: "data-root-partition", want: resource.Holds},
		{name: "folder of root", edit: []func(*resource.Snapshot){pathMode("/srv/build", 0o755, 0, 0)}, policy: &plans.Policy{Images: &plans.Images{PipelinePaths: []string{"/srv/build/"}}}, control: "pipeline-paths", want: resource.Holds},
		{name: "folder for a group", edit: []func(*resource.Snapshot){pathMode("/srv/build", 0o775, 0, 5)}, policy: &plans.Policy{Images: &plans.Images{PipelinePaths: []string{"/srv/build"}}}, control: "pipeline-paths", want: resource.Fails},
		{name: "folder of a user", edit: []func(*resource.Snapshot){pathMode("/srv/build", 0o755, 5, 0)}, policy: &plans.Policy{Images: &plans.Images{PipelinePaths: []string{"/srv/build"}}}, control: "pipeline-paths", want: resource.Fails},
		{name: "no folders named", control: "pipeline-paths", want: resource.NoObject},
	} {
		t.Run(c.name, c.run)
	}
}
