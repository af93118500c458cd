package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// operationControls are 5.1 and section 6 of the benchmark.
func operationControls() []Control {
	return []Control{
		{
			ID: "image-sprawl", Title: "No more images are kept than are used", Severity: resource.Low, Level: 1, OWASP: []string{"D08"}, CIS: cis("6.1"),
			Why: "Old images are run by mistake, and their faults with them.",
			How: "A person judges; the evidence counts images and names those that no container uses.", Remedy: "docker image prune -a, when nobody needs them", judge: judgeImageSprawl,
		},
		{
			ID: "container-sprawl", Title: "No more containers are kept than run", Severity: resource.Low, Level: 1, OWASP: []string{"D07"}, CIS: cis("6.2"),
			Why: "Stopped containers keep disk space, secrets and old images, and can be started.",
			How: "A person judges; the evidence counts containers and names those that do not run.", Remedy: "docker container prune, when nobody needs them", judge: judgeContainerSprawl,
		},
	}
}

func judgeImageSprawl(t *tally) {
	images, ok := t.imagesOr()
	if !ok {
		return
	}
	containers, ok := t.containersOr()
	if !ok {
		return
	}
	used := map[string]bool{}
	for _, c := range containers {
		used[c.Spec.ImageID] = true
	}
	var idle []string
	for i := range images {
		if !used[images[i].ID] {
			idle = append(idle, nameOf(&images[i]))
		}
	}
	if len(images) == 0 {
		t.nothing("there are no images")
		return
	}
	t.byHand("judge which images are still needed", fmt.Sprintf("%d images, %d of them used by a container", len(images), len(images)-len(idle)))
	if len(idle) > 0 {
		t.evidence = append(t.evidence, "unused: "+strings.Join(idle, ", "))
	}
}

func judgeContainerSprawl(t *tally) {
	all, ok := t.containersOr()
	if !ok {
		return
	}
	var idle []string
	for i := range all {
		if !running(&all[i]) {
			idle = append(idle, all[i].Name)
		}
	}
	if len(all) == 0 {
		t.nothing("there are no containers")
		return
	}
	t.byHand("judge which containers are still needed", fmt.Sprintf("%d containers, %d of them running", len(all), len(all)-len(idle)))
	if len(idle) > 0 {
		t.evidence = append(t.evidence, "stopped: "+strings.Join(idle, ", "))
	}
}

// address is how a listener is named: 0.0.0.0:2375/tcp.
func address(l resource.Listener) string {
	ip := l.Address
	if strings.Contains(ip, ":") {
		ip = "[" + ip + "]"
	}
	return fmt.Sprintf("%s:%d/%s", ip, l.Port, strings.TrimSuffix(l.Proto, "6"))
}

func loopback(a string) bool {
	return strings.HasPrefix(a, "127.") || a == "::1" || strings.HasPrefix(a, "::ffff:127.")
}

func join(words []string) string {
	slices.Sort(words)
	return strings.Join(slices.Compact(words), ", ")
}
