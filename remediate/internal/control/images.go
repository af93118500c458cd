package control

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// imageControls are section 4 of the benchmark without 4.1.
func imageControls() []Control {
	return []Control{
		judgedByHand("trusted-base", "Images come from where you trust", "4.2", resource.Medium, "D08", "An image runs what its maker wrote.", "name the registries that you trust in images.registries of the policy", imageNames),
		judgedByHand("image-packages", "Images hold nothing that they do not need", "4.3", resource.Low, "D08", "Shells and tools help whoever breaks in.", "build from slim, distroless or scratch images", imageNames),
		judgedByHand("image-scanning", "Images are scanned and rebuilt with fixes", "4.4", resource.High, "D02", "Libraries in images age; nobody else brings them up to date.", "scan with a tool that knows the packages, rebuild on a schedule", imageAges),
		{
			ID: "content-trust", Title: "Pulled images are verified", Severity: resource.Low, Level: 2, OWASP: []string{"D08"}, CIS: cis("4.5"),
			Why:    "A registry that was taken over serves other images under the same name.",
			How:    "DOCKER_CONTENT_TRUST is a variable of each client, which the host does not know, and the docker command lost it in release 29: a person judges.",
			Remedy: "name images by digest (control image-digest), or verify signatures in the pipeline", judge: func(t *tally) {
				t.byHand("content trust is in the environment of each client, and is gone from docker 29")
			},
		},
		{
			ID: "image-healthcheck", Title: "Images bring a health check", Severity: resource.Low, Level: 1, OWASP: []string{"D07"}, CIS: cis("4.6"),
			Why: "A container that hangs counts as running.",
			How: "HEALTHCHECK in the configuration of each tagged image.", Remedy: "HEALTHCHECK in the Dockerfile", judge: eachImage(func(i *resource.Image) *flaw {
				if i.Healthcheck {
					return nil
				}
				return &flaw{"no HEALTHCHECK", "one", ""}
			}),
		},
		{
			ID: "image-update-alone", Title: "Images refresh package lists and install in one step", Severity: resource.Low, Level: 1, OWASP: []string{"D08", "D02"}, CIS: cis("4.7"),
			Why: "A cached layer keeps old lists, and what is installed later is old.",
			How: "Steps in the history of each tagged image that run apt-get update, apk update, yum or dnf makecache and install nothing.", Remedy: "RUN apt-get update && apt-get install ...", judge: eachHistory(lookUpdate),
		},
		judgedByHand("image-setuid", "Images hold no setuid programs that they do not need", "4.8", resource.Low, "D04", "They make root of any user, unless no-new-privileges holds.", "RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +", imageNames),
		{
			ID: "image-add", Title: "Images are built with COPY, not ADD", Severity: resource.Low, Level: 1, OWASP: []string{"D08"}, CIS: cis("4.9"),
			Why: "ADD fetches from addresses and unpacks archives, unseen.",
			How: "ADD in the history of each tagged image, above its lowest layer, which every base image adds.", Remedy: "COPY in the Dockerfile", judge: eachHistory(lookAdd),
		},
		{
			ID: "image-secrets", Title: "Images hold no secrets", Severity: resource.High, Level: 1, OWASP: []string{"D06"}, CIS: cis("4.10"),
			Why:    "Whoever can pull the image can read its history and configuration.",
			How:    "Variables and steps of the history of each tagged image, by names and shapes of secrets. The value is never shown. Files in layers are not looked at.",
			Remedy: "RUN --mount=type=secret while building; pass secrets at run time; take what was published out of use", judge: judgeImageSecrets,
		},
		judgedByHand("image-verified-packages", "Packages in images are verified", "4.11", resource.Low, "D08", "What is fetched while building may be anybody's.", "package managers with signed lists; check sums of what is downloaded", imageNames),
		judgedByHand("image-signed", "Images and artifacts are signed and checked", "4.12", resource.Medium, "D08", "Without a signature the registry decides what runs.", "sign in the pipeline, verify before the image is run", imageNames),
	}
}

// judgedByHand is a control of which a host shows nothing but what there is.
func judgedByHand(id, title, number string, severity resource.Severity, area, why, remedy string, evidence func(*tally) []string) Control {
	return Control{
		ID: id, Title: title, Severity: severity, Level: 1, OWASP: []string{area}, CIS: cis(number), Why: why, Remedy: remedy,
		How: "The host does not show it: a person judges, with the list of images.",
		judge: func(t *tally) {
			if images, ok := t.imagesOr(); ok && len(images) == 0 {
				t.nothing("there are no images")
			} else if ok {
				t.byHand("the host does not show it", evidence(t)...)
			}
		},
	}
}

// imagesOr are the images, or says why they are not known.
func (t *tally) imagesOr() ([]resource.Image, bool) {
	if t.s.Survey.Unknown != "" {
		t.unknown(resource.DaemonObject, "images", t.s.Survey.Unknown)
		return nil, false
	}
	images, ok := t.s.Survey.Value.Images.Get()
	if !ok {
		t.unknown(resource.DaemonObject, "images", t.s.Survey.Value.Images.Unknown)
	}
	return images, ok
}

// nameOf is a tag, or the beginning of the id.
func nameOf(i *resource.Image) string {
	if len(i.Tags) > 0 {
		return i.Tags[0]
	}
	id := strings.TrimPrefix(i.ID, "sha256:")
	return id[:min(12, len(id))]
}

func imageNames(t *tally) []string {
	var all []string
	for i := range t.s.Survey.Value.Images.Value {
		all = append(all, nameOf(&t.s.Survey.Value.Images.Value[i]))
	}
	return all
}

func imageAges(t *tally) []string {
	var all []string
	for i := range t.s.Survey.Value.Images.Value {
		image := &t.s.Survey.Value.Images.Value[i]
		all = append(all, nameOf(image)+": built "+day(image.CreatedNS))
	}
	return all
}

func day(ns int64) string {
	if ns <= 0 {
		return "at a time that it does not say"
	}
	return time.Unix(0, ns).UTC().Format(time.DateOnly)
}

// eachImage judges all images but those without a tag and a digest: layers of
// others, and what builds left behind.
func eachImage(look func(*resource.Image) *flaw) func(*tally) {
	return func(t *tally) {
		images, ok := t.imagesOr()
		for i := range images {
			if len(images[i].Tags)+len(images[i].Digests) > 0 {
				t.image(&images[i], look)
			}
		}
		if ok && t.judged == 0 {
			t.nothing("there are no images with a name")
		}
	}
}

// eachHistory is eachImage for what the history shows.
func eachHistory(look func(*resource.Image) *flaw) func(*tally) {
	return func(t *tally) {
		images, ok := t.imagesOr()
		for i := range images {
			switch {
			case len(images[i].Tags)+len(images[i].Digests) == 0:
			case images[i].History == nil:
				t.unknown(resource.ImageObject, nameOf(&images[i]), "its history could not be read")
			default:
				t.image(&images[i], look)
			}
		}
		if ok && len(t.findings) == 0 && t.judged == 0 {
			t.nothing("there are no images with a name")
		}
	}
}

func (t *tally) image(i *resource.Image, look func(*resource.Image) *flaw) {
	if f := look(i); f != nil {
		t.fail(resource.Finding{Kind: resource.ImageObject, Object: nameOf(i), Observed: f.observed, Expected: f.expected, Remedy: f.remedy})
		return
	}
	t.holds(1)
}

var (
	refresh = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\b(apt|apt-get|aptitude|apk|yum|dnf|microdnf|zypper)\s+(-\S+\s+)*(update|makecache|refresh|ref|up)\b`)
	})
	install = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\b(apt|apt-get|aptitude|apk|yum|dnf|microdnf|zypper)\s+(-\S+\s+)*(install|in|add|upgrade|dist-upgrade|full-upgrade|groupinstall)\b`)
	})
	addStep = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(^|#\(nop\)\s+)ADD\s`) })
)

// lookUpdate: yum update installs by itself. The step is not quoted: no rule finds
// every secret in one.
func lookUpdate(i *resource.Image) *flaw {
	for n, step := range i.History {
		m := refresh().FindStringSubmatch(step)
		if m == nil || install().MatchString(step) || (strings.Contains(m[1], "yum") || strings.Contains(m[1], "dnf") || m[1] == "zypper") && m[3] == "update" {
			continue
		}
		return &flaw{fmt.Sprintf("%s %s in step %d from the top, which installs nothing", m[1], m[3], n+1), "one step with what it installs", ""}
	}
	return nil
}

// lookAdd leaves out the lowest layer: base images are made by ADD of a tree.
func lookAdd(i *resource.Image) *flaw {
	for n, step := range i.History {
		if n < len(i.History)-1 && addStep().MatchString(step) {
			return &flaw{fmt.Sprintf("ADD in step %d from the top", n+1), "COPY", ""}
		}
	}
	return nil
}
