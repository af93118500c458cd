package main

import (
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// taken is when the made-up snapshots were taken, and started when the daemons
// in them started.
var (
	taken   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	started = taken.Add(-24 * time.Hour).UnixNano()
)

// canary stands for every secret of a host: it may appear nowhere.
const canary = "c4n4ry"

// madeUp returns a host by name, nil if there is none.
func madeUp(name string) *resource.Snapshot {
	switch name {
	case "busy":
		return busy()
	case "converged":
		return converged()
	case "secret":
		return secret()
	case "hostile":
		return hostile()
	case "audited":
		return audited()
	case "router":
		return router()
	case "router-nobody":
		return routerForNobody()
	}
	return nil
}

// busy is a host that nobody has hardened: Engine 28 under systemd, with
// containers of every kind.
func busy() *resource.Snapshot {
	return &resource.Snapshot{
		Format: resource.SnapshotFormat, Tool: "dev", Taken: taken, Root: "/",
		Host:   resource.Known(resource.Host{ID: "6d0f", BootID: "b1", OS: "Debian GNU/Linux 13 (trixie)", Kernel: "6.12.0", CgroupVersion: 2}),
		Unit:   resource.Known(unit("docker.service")),
		Socket: resource.Known(unit("docker.socket")),
		Process: resource.Known(resource.Process{
			PID: 812, Argv: []string{"/usr/bin/dockerd", "-H", "fd://"}, StartTicks: 100, StartedNS: started,
		}),
		Engine:     resource.Known(engine()),
		Binary:     resource.Known(resource.Binary{Path: "/usr/bin/dockerd", Version: "28.3.2"}),
		Containers: resource.Known(containers()),
		DaemonJSON: resource.Known(file("/etc/docker/daemon.json", "{\n  \"dns\": [\"192.0.2.53\"]\n}\n")),
		Accounts:   resource.Known(accounts()),
		Flags:      resource.Known([]resource.Flag{{Name: "host", Value: "fd://", Origin: "/lib/systemd/system/docker.service"}}),
	}
}

func unit(name string) resource.Unit {
	return resource.Unit{
		Name: name, LoadState: "loaded", ActiveState: "active", SubState: "running", FileState: "enabled",
		FragmentPath: "/lib/systemd/system/" + name, MainPID: 812, InvocationID: "5e0c",
		ExecStart: []string{"/usr/bin/dockerd", "-H", "fd://"},
	}
}

func engine() resource.Engine {
	return resource.Engine{
		Version: "28.3.2", APIVersion: "1.51", MinAPIVersion: "1.24", RootDir: "/var/lib/docker", Driver: "overlay2",
		SecurityOptions: []string{"name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"},
		LoggingDriver:   "json-file", CgroupDriver: "systemd", CgroupVersion: "2", DefaultRuntime: "runc", Swarm: "inactive",
		Images: 1, Volumes: 2, Networks: 4, ReloadedNS: -1,
		Bridge: map[string]string{"com.docker.network.bridge.enable_icc": "true", "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0"},
	}
}

func containers() []resource.Container {
	return []resource.Container{
		{ID: "a1", Name: "web", Image: "nginx", State: "running", PID: 900, RestartPolicy: "unless-stopped", NetworkMode: "bridge", Binds: []string{"/srv/www:/www:ro"}},
		{ID: "a2", Name: "db", Image: "postgres", State: "running", PID: 901, NetworkMode: "bridge"},
		{ID: "a3", Name: "agent", Image: "agent", State: "running", PID: 902, RestartPolicy: "always", Privileged: true, PidMode: "host", NetworkMode: "host", Binds: []string{"/var/run/docker.sock:/var/run/docker.sock"}},
		{ID: "a4", Name: "job", Image: "job", State: "running", PID: 903, AutoRemove: true, NetworkMode: "bridge"},
		{ID: "a5", Name: "cron", Image: "cron", State: "exited", RestartPolicy: "always", NetworkMode: "bridge"},
	}
}

func accounts() resource.Accounts {
	return resource.Accounts{
		Passwd:       file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000:Alice,Room 12:/home/alice:/bin/bash\n"),
		Group:        file("/etc/group", "root:x:0:\nalice:x:1000:\n"),
		Subuid:       file("/etc/subuid", "alice:100000:65536\n"),
		Subgid:       file("/etc/subgid", "alice:100000:65536\n"),
		LoginDefs:    file("/etc/login.defs", "SYS_UID_MIN 101\nSYS_UID_MAX 999\nSUB_UID_MIN 100000\nSUB_UID_COUNT 65536\n"),
		NSSwitch:     file("/etc/nsswitch.conf", "passwd: files\ngroup: files\n"),
		Shadow:       hidden("/etc/shadow"),
		Gshadow:      hidden("/etc/gshadow"),
		ShadowNames:  []string{"root", "alice"},
		GshadowNames: []string{"root", "alice"},
	}
}

func file(path, content string) resource.File {
	return resource.File{Path: path, Content: []byte(content), Print: resource.Fingerprint{
		Type: resource.Regular, SHA256: resource.Sum([]byte(content)), Size: int64(len(content)), Mode: 0o644, Nlink: 1,
		MtimeNS: started - int64(time.Hour), CtimeNS: started - int64(time.Hour),
	}}
}

func hidden(path string) resource.File {
	f := file(path, "")
	f.Content, f.Print.Mode = nil, 0o640
	return f
}

// converged is busy after baseline, with dockerd running by it.
func converged() *resource.Snapshot {
	s := busy()
	s.DaemonJSON = resource.Known(file("/etc/docker/daemon.json", `{
  "live-restore": true,
  "log-driver": "json-file",
  "log-opts": {"max-size": "10m", "max-file": "5"},
  "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 524288, "Soft": 65536}}
}
`))
	s.Engine.Value.LiveRestore = true
	return s
}

// secret has a canary wherever a host may hold a secret.
func secret() *resource.Snapshot {
	s := busy()
	s.DaemonJSON = resource.Known(file("/etc/docker/daemon.json", `{
  "dns": ["192.0.2.53"],
  "proxies": {"http-proxy": "http://user:`+canary+`@proxy.example:3128", "https-proxy": "user:`+canary+`@proxy.example:3128"},
  "log-driver": "splunk",
  "log-opts": {"splunk-token": "`+canary+`", "splunk-url": "https://u:`+canary+`@splunk.example", "max-size": "1m"},
  "registry-mirrors": ["https://u:`+canary+`@mirror.example"],
  "labels": ["password=`+canary+`"]
}
`))
	old := s.DaemonJSON.Value
	s.StartedWith = &old
	e := &s.Engine.Value
	e.LoggingDriver = "splunk"
	e.Labels = []string{"password=" + canary}
	e.Mirrors = []string{"https://u:" + canary + "@mirror.example/"}
	e.InsecureRegistries = []string{"http://u:" + canary + "@registry.example"}
	e.Warnings = []string{"WARNING: http://u:" + canary + "@proxy.example is deprecated"}
	s.Unit.Value.Environment = []string{"HTTPS_PROXY=http://u:" + canary + "@proxy.example", "TOKEN=" + canary}
	s.Socket.Value.Environment = []string{"TOKEN=" + canary}
	argv := []string{"/usr/bin/dockerd", "--log-opt", "splunk-token=" + canary, "--http-proxy=http://u:" + canary + "@proxy.example", "--label=secret=" + canary}
	s.Process.Value.Argv, s.Unit.Value.ExecStart = argv, argv
	s.Flags = resource.Known([]resource.Flag{
		{Name: "log-opt", Value: "splunk-token=" + canary, Origin: "/etc/default/docker"},
		{Name: "http-proxy", Value: "http://u:" + canary + "@proxy.example", Origin: "/etc/default/docker"},
		{Name: "label", Value: "secret=" + canary, Origin: "/etc/default/docker"},
	})
	s.Containers.Value[0].Labels = map[string]string{
		"role": "web", "traefik.basicauth.password": canary, "com.example.api-key": canary, "url": "https://u:" + canary + "@hook.example", "env": "TOKEN=" + canary,
	}
	surveyed(s)
	s.Firewall = resource.Known(resource.Firewall{Filters: []resource.Filter{{
		Family: "ip", Variant: "nft", Forward: []string{`-m comment --comment "token=` + canary + `" -j ACCEPT`, "-j DOCKER-USER"},
	}}})
	a := &s.Accounts.Value
	a.Passwd = file("/etc/passwd", "root:"+canary+":0:0:"+canary+":/root:/bin/bash\nalice:x:1000:1000:"+canary+",Room 12:/home/alice:/bin/bash\n")
	a.Group = file("/etc/group", "root:"+canary+":0:\nalice:x:1000:\n")
	return s
}

// surveyed has a canary wherever what only check reads may hold a secret.
func surveyed(s *resource.Snapshot) {
	env := []string{"PATH=/bin", "DB_PASS=" + canary, "API_KEY=" + canary, "URL=https://u:" + canary + "@db.example", "OPTS=-Ddb.password=" + canary + " -v", "AWS_SECRET_ACCESS_KEY=" + canary}
	argv := []string{
		"server", "--requirepass", canary, "--token=" + canary, "-v", "--db", "postgres://u:" + canary + "@db.example", "DB_PASS=" + canary,
		"sh -c 'DB_PASS=" + canary + " run'", "curl -H 'Authorization: Bearer " + canary + canary + "'", "mysql --password " + canary,
	}
	labels := map[string]string{"role": "web", "db.pass": canary, "env": "TOKEN=" + canary}
	spec := &s.Containers.Value[0].Spec
	spec.Env, spec.Command, spec.LogOpts = env, argv, map[string]string{"splunk-token": canary, "max-size": "1m"}
	s.Survey = resource.Known(resource.Survey{
		Images: resource.Known([]resource.Image{{ID: "sha256:1", Env: env, Labels: labels, History: []string{
			"/bin/sh -c #(nop)  ENV DB_PASSWORD=two " + canary, "ENV API_KEY=two " + canary + " # buildkit", "ARG TOKEN=" + canary,
			"RUN |1 NPM_TOKEN=" + canary + " /bin/sh -c npm ci # buildkit", `RUN echo PASSWORD="two ` + canary + `" >f`,
			"RUN curl https://u:" + canary + "@example.com/x", "RUN curl -H \"Authorization: Bearer " + canary + canary + "\" x",
		}}}),
		Listeners: resource.Known([]resource.Listener{{Proto: "tcp", Address: "0.0.0.0", Port: 80, PID: 7, Process: "server", Argv: argv}}),
		Kubelet:   resource.Known(resource.Agent{Argv: argv}), Etcd: resource.Known(resource.Agent{Argv: argv}),
	})
}

// hostile names a container so that a terminal would obey.
func hostile() *resource.Snapshot {
	s := busy()
	s.Containers.Value[1].Name = "\x1b[2J\x1b[Hno containers stop"
	return s
}
