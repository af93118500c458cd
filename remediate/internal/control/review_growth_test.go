package control_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A snapshot is somebody's file: nothing in it may take time by its square.
func TestHostileSizes(t *testing.T) {
	const n = 100_000
	every := func(make func(i int)) {
		for i := range n {
			make(i)
		}
	}
	add := func(s *resource.Snapshot, name string, change func(*resource.Container)) { with(name, change)(s) }
	about := map[string]string{
		"contexts":               "contexts-network",
		"members":                "docker-group",
		"sockets":                "docker-socket-mounted",
		"a mount of all sockets": "docker-socket-mounted",
		"groups":                 "docker-sock-owner",
		"sshd":                   "sshd",
		"listeners":              "daemon-tls",
		"options":                "container-user",
		"joined":                 "host-network",
	}
	for name, fill := range map[string]func(*resource.Snapshot){
		"contexts": func(s *resource.Snapshot) {
			every(func(i int) {
				add(s, fmt.Sprint("c", i), func(c *resource.Container) {
					c.Labels, c.Networks = map[string]string{"env": fmt.Sprint(i)}, []resource.Endpoint{{Network: "n"}}
				})
			})
		},
		"members": func(s *resource.Snapshot) {
			var b strings.Builder
			every(func(i int) { fmt.Fprintf(&b, "u%d:x:1:112:::\n", i) })
			s.Accounts.Value.Passwd.Content = []byte(b.String())
		},
		"sockets": func(s *resource.Snapshot) {
			var hosts []string
			every(func(i int) {
				hosts = append(hosts, fmt.Sprintf("unix:///s/%d.sock", i))
				add(s, fmt.Sprint("c", i), mount(fmt.Sprint("/d/", i), false))
				pathMode(fmt.Sprintf("/s/%d.sock", i), 0o660, 0, 1)(s)
			})
			hosts = append(hosts, "unix:///z/docker.sock")
			s.DaemonJSON.Value.Content, _ = json.Marshal(map[string]any{"hosts": hosts})
		},
		"groups": func(s *resource.Snapshot) {
			var hosts []string
			var b strings.Builder
			every(func(i int) {
				hosts = append(hosts, fmt.Sprintf("unix:///s/%d.sock", i))
				fmt.Fprintf(&b, "g%d:x:1:\n", i)
				pathMode(fmt.Sprintf("/s/%d.sock", i), 0o660, 0, 1)(s)
			})
			s.Accounts.Value.Group.Content = []byte(b.String())
			s.DaemonJSON.Value.Content, _ = json.Marshal(map[string]any{"hosts": hosts})
		},
		"a mount of all sockets": func(s *resource.Snapshot) {
			var hosts []string
			every(func(i int) {
				hosts = append(hosts, fmt.Sprintf("unix:///s/%d.sock", i))
				add(s, fmt.Sprint("c", i), mount("/s", false))
			})
			s.DaemonJSON.Value.Content, _ = json.Marshal(map[string]any{"hosts": hosts})
		},
		"sshd": func(s *resource.Snapshot) {
			every(func(i int) {
				s.Survey.Value.Sshd = append(s.Survey.Value.Sshd, fmt.Sprint("c", n-i))
				add(s, fmt.Sprint("c", i), none)
			})
		},
		"listeners": func(s *resource.Snapshot) {
			var all []resource.Listener
			every(func(i int) {
				all = append(all, resource.Listener{Proto: "tcp", Address: fmt.Sprint("10.", i), Port: i + 70_000, PID: 7, Process: "dockerd"})
			})
			s.Survey.Value.Listeners = resource.Known(all)
		},
		"options": func(s *resource.Snapshot) {
			every(func(i int) {
				s.Engine.Value.SecurityOptions = append(s.Engine.Value.SecurityOptions, "name=x")
				add(s, fmt.Sprint("c", i), none)
			})
		},
		"joined": func(s *resource.Snapshot) {
			every(func(i int) {
				add(s, fmt.Sprint("c", i), func(c *resource.Container) { c.NetworkMode = fmt.Sprint("container:c", (i+1)%n) })
			})
		},
	} {
		s := rebuilt(t, nil, `{}`, fill)
		start := time.Now()
		judge(t, s, nil, about[name])
		if d := time.Since(start); d > 4*time.Second {
			t.Errorf("%s: %s took %s", name, about[name], d)
		}
	}
}
